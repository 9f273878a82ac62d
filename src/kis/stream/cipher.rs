//! What a notice is encrypted with: AES-256-CBC, PKCS#7, base64; key and iv come with the acknowledgement (KIS.md 14.1).

use std::fmt;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Key and iv of one registration. Cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Cipher {
    key: [u8; 32],
    iv: [u8; 16],
}

impl Cipher {
    /// From the texts of an acknowledgement; none unless they have exactly 32 and 16 bytes.
    pub(super) fn new(key: &str, iv: &str) -> Option<Self> {
        Some(Self { key: key.as_bytes().try_into().ok()?, iv: iv.as_bytes().try_into().ok()? })
    }

    /// The text behind `base64`; none when it was not encrypted with this.
    pub(super) fn decrypt(&self, base64: &str) -> Option<String> {
        let sealed = STANDARD.decode(base64.trim()).ok()?;
        let cipher = cbc::Decryptor::<aes::Aes256>::new(&self.key.into(), &self.iv.into());
        String::from_utf8(cipher.decrypt_padded_vec::<Pkcs7>(&sealed).ok()?).ok()
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher([not shown])")
    }
}
