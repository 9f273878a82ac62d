//! How a notice is hidden: AES-256-CBC with PKCS#7, then base64, under the keys of its registration (KIS.md 14.1).

use std::fmt;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt as _, KeyIvInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The iv and key of one registration, as texts of 16 and 32 characters.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) iv: String,
    pub(super) key: String,
}

impl Keys {
    pub(super) fn new(iv: String, key: String) -> Self {
        Self { iv, key }
    }

    /// `text`, hidden; none when the keys do not have their lengths.
    pub(super) fn seal(&self, text: &str) -> Option<String> {
        let encryptor =
            cbc::Encryptor::<aes::Aes256>::new_from_slices(self.key.as_bytes(), self.iv.as_bytes()).ok()?;
        Some(STANDARD.encode(encryptor.encrypt_padded_vec::<Pkcs7>(text.as_bytes())))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys([not shown])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_hidden_as_openssl_hides_it() {
        let keys = Keys::new("0123456789abcdef".into(), "abcdefghijklmnopabcdefghijklmnop".into());
        // printf 'a^b^c' | openssl enc -aes-256-cbc -base64 -K <hex of key> -iv <hex of iv>
        assert_eq!(keys.seal("a^b^c").as_deref(), Some("CXEBm9fMapmm8ujNGjxZNg=="));
        assert_eq!(Keys::new("short".into(), keys.key).seal("a"), None);
    }
}
