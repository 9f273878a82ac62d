//! The page in a true browser: headless Chromium drives what the demo serves. Screenshots stay in the target folder.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::tools::skipped;

/// Longest wait for anything that should happen soon.
const SOON: Duration = Duration::from_secs(40);
/// Names under which distributions install it.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// What strangers write to run something in a page; `N` becomes a number.
const HOSTILE: [&str; 8] = [
    "<script>window.xN=1</script>",
    "\"><img src=x onerror=window.xN=1>",
    "' autofocus onfocus='window.xN=1",
    "</td></tr></table><svg onload=window.xN=1>",
    "</title></textarea><script>window.xN=1</script>",
    "<iframe srcdoc='<script>parent.xN=1</script>'></iframe>",
    "javascript:window.xN=1//",
    "<math><mtext></p><style><img src onerror=window.xN=1></style>",
];

/// A process that is ended with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn browser() -> Option<&'static str> {
    let is_there = |name: &&&str| {
        let mut version = Command::new(name);
        version.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    };
    let found = BROWSERS.iter().find(is_there).copied();
    if found.is_none() {
        skipped("the page in a browser", "Chromium is not installed (apt install chromium)");
    }
    found
}

/// The first line of `from` that holds `what`, from there to the next blank.
fn word(from: impl std::io::Read, what: &str) -> String {
    let mut seen = String::new();
    for line in BufReader::new(from).lines().map_while(Result::ok) {
        if let Some(at) = line.find(what) {
            return line[at..].split_whitespace().next().unwrap().to_owned();
        }
        seen = format!("{seen}{line}\n");
    }
    panic!("{what} was never said:\n{seen}");
}

/// The demo, and the address of its page, token included.
fn demo(dir: &TempDir) -> (Running, String) {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_kestrel"));
    demo.env_clear().current_dir(dir.path()).args(["demo", "--seconds", "300"]);
    let mut child = Running(demo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap());
    let out = child.0.stdout.take().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    // Goes on reading: a demo whose pipe is full would stand still.
    std::thread::spawn(move || {
        let mut lines = BufReader::new(out).lines().map_while(Result::ok);
        let url = lines.find_map(|line| Some(line[line.find("http://127")?..].trim().to_owned()));
        let _ = tell.send(url);
        lines.for_each(drop);
    });
    (child, told.recv_timeout(SOON).unwrap().expect("the demo says where its page is"))
}

/// A page in the browser, spoken to by its own protocol.
struct Page {
    socket: WebSocketStream<TcpStream>,
    session: Option<String>,
    last: u64,
    /// Errors of the console, uncaught exceptions, and what the browser's log holds against the page.
    complaints: Vec<String>,
    _browser: Running,
    _profile: TempDir,
}

impl Page {
    async fn open(name: &str) -> Self {
        let profile = TempDir::new().unwrap();
        let mut browser = Command::new(name);
        browser.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
        browser.args(["--no-first-run", "--disable-extensions", "--disable-background-networking"]);
        browser.args(["--remote-debugging-port=0", "about:blank"]);
        browser.arg(format!("--user-data-dir={}", profile.path().display()));
        let mut browser = Running(browser.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        let url = word(browser.0.stderr.take().unwrap(), "ws://");
        let address = url.trim_start_matches("ws://").split('/').next().unwrap().to_owned();
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, _) = client_async(&url, stream).await.unwrap();
        let (session, complaints) = (None, Vec::new());
        let mut page = Self { socket, session, last: 0, complaints, _browser: browser, _profile: profile };
        let target = page.call("Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = page.call("Target.attachToTarget", attach).await;
        page.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"] {
            page.call(domain, json!({})).await;
        }
        page
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut request = json!({"id": self.last, "method": method, "params": params});
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(request.to_string())).await.unwrap();
        let answered = async {
            loop {
                let Message::Text(text) = self.socket.next().await.unwrap().unwrap() else { continue };
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["id"] == self.last {
                    assert!(message["error"].is_null(), "{method}: {message}");
                    return message["result"].clone();
                }
                complaint(&message).into_iter().for_each(|complaint| self.complaints.push(complaint));
            }
        };
        tokio::time::timeout(SOON, answered).await.unwrap_or_else(|_| panic!("{method} is not answered"))
    }

    async fn evaluate(&mut self, script: &str) -> Value {
        let params = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", params).await;
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until `script` is true.
    async fn until(&mut self, script: &str) {
        let begun = Instant::now();
        while self.evaluate(&format!("Boolean({script})")).await != true {
            let text = self.evaluate("document.body.innerText").await;
            assert!(begun.elapsed() < SOON, "never true: {script}; {:?}\n{text}", self.complaints);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Tab" => (9, ""),
            other => panic!("no code of the key {other} is known"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut press = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            if kind == "keyDown" && !text.is_empty() {
                press["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", press).await;
        }
    }

    /// Goes on by the Tab key until `script` is true of the focus, as `document.activeElement`.
    async fn tab_until(&mut self, script: &str) {
        for _ in 0..80 {
            if self.evaluate(&format!("Boolean({script})")).await == true {
                return;
            }
            self.press("Tab").await;
        }
        panic!("the keyboard does not reach: {script}");
    }

    async fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text})).await;
    }

    /// What a screen reader would meet, each with its role and name.
    async fn heard(&mut self) -> Vec<(String, String)> {
        let tree = self.call("Accessibility.getFullAXTree", json!({})).await;
        let nodes = tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] != true);
        let word = |node: &Value, name: &str| node[name]["value"].as_str().unwrap_or("").trim().to_owned();
        nodes.map(|node| (word(node, "role"), word(node, "name"))).collect()
    }

    async fn screenshot(&mut self, name: &str) {
        let shot = self.call("Page.captureScreenshot", json!({"captureBeyondViewport": true})).await;
        let picture =
            base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("page");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), &picture).unwrap();
        assert!(picture.starts_with(b"\x89PNG") && picture.len() > 10_000, "{name} is empty");
    }

    async fn look(&mut self, width: u32, scheme: &str) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", size).await;
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", features).await;
    }
}

/// What an event of the browser holds against the page.
fn complaint(message: &Value) -> Option<String> {
    let params = &message["params"];
    let is_bad = match message["method"].as_str()? {
        "Runtime.exceptionThrown" => true,
        "Runtime.consoleAPICalled" => params["type"] == "error" || params["type"] == "assert",
        "Log.entryAdded" => params["entry"]["level"] == "error",
        _ => false,
    };
    is_bad.then(|| params.to_string())
}

#[test]
fn a_browser_sees_it_live_halts_and_resumes_by_button_and_runs_no_hostile_text() {
    let Some(name) = browser() else { return };
    let dir = TempDir::new().unwrap();
    let (_demo, url) = demo(&dir);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut page = Page::open(name).await;
        page.look(1280, "light").await;
        page.call("Page.navigate", json!({"url": url})).await;
        page.until(
            "document.readyState === 'complete' && document.getElementById('live')?.dataset.live === 'yes'",
        )
        .await;
        assert_eq!(
            page.evaluate("location.hash + document.cookie").await,
            "",
            "the token stays out of sight"
        );
        updates_live(&mut page).await;
        is_used_by_keyboard(&mut page).await;
        halts_and_resumes(&mut page).await;
        fits_a_phone_in_the_dark(&mut page).await;
        runs_nothing_hostile(&mut page).await;
        assert_eq!(page.complaints, [""; 0], "the console is clean");
    });
}

async fn updates_live(page: &mut Page) {
    let before = page.evaluate("document.getElementById('clock').innerText").await;
    page.until(&format!("document.getElementById('clock').innerText !== {before}")).await;
    page.until("document.querySelectorAll('#decisions tbody tr').length > 0").await;
    page.until("document.querySelectorAll('#actors tbody tr').length === 8").await;
    page.until("document.querySelector('svg.curve') && document.querySelector('.week svg')").await;
    page.until("document.body.dataset.state === 'active' && document.title === 'Kestrel: active'").await;
    page.screenshot("active-light").await;
}

async fn is_used_by_keyboard(page: &mut Page) {
    page.press("Tab").await;
    assert_eq!(page.evaluate("document.activeElement.textContent").await, "Skip to the content");
    page.tab_until("document.activeElement.id === 'halt'").await;
    let ring = "getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(page.evaluate(ring).await, "solid", "where the focus is can be seen");
}

/// Everything that can be used or stands for itself has a name, and the state and answers are told when they change.
async fn has_names_for_a_screen_reader(page: &mut Page) {
    let heard = page.heard().await;
    let named = [
        "button",
        "link",
        "textbox",
        "checkbox",
        "region",
        "image",
        "img",
        "table",
        "columnheader",
        "heading",
    ];
    for (role, name) in heard.iter().filter(|(role, _)| named.contains(&role.as_str())) {
        assert!(role == "table" || !name.is_empty(), "a {role} has no name: {heard:#?}");
    }
    let has = |role: &str, part: &str| heard.iter().any(|(r, name)| r == role && name.contains(part));
    for (role, part) in [
        ("button", "Halt all trading"),
        ("button", "Resume: lift "),
        ("textbox", "Why"),
        ("textbox", "Token (WEB_TOKEN)"),
        ("checkbox", "sales only from now on"),
        ("checkbox", "cancel open orders too"),
        ("region", "Positions"),
        ("region", "Trading"),
        ("heading", "Kestrel"),
    ] {
        assert!(has(role, part), "no {role} is named {part:?}: {heard:#?}");
    }
    let told =
        "[...document.querySelectorAll('[aria-live]')].map((one) => one.id || one.className).join(' ')";
    assert_eq!(page.evaluate(told).await, "live state answer");
    assert_eq!(page.evaluate("document.documentElement.lang").await, "en");
}

async fn halts_and_resumes(page: &mut Page) {
    page.evaluate(
        "document.getElementById('by').value = 'ada'; document.getElementById('why').value = 'a test'",
    )
    .await;
    page.evaluate("document.getElementById('halt').click()").await;
    page.until("document.body.dataset.state === 'halted'").await;
    page.until("document.getElementById('answer').dataset.done === 'yes'").await;
    page.until("document.getElementById('halts').innerText.includes('by ada (dashboard): a test')").await;
    for (width, scheme, name) in [
        (1280, "light", "halted-light"),
        (1280, "dark", "halted-dark"),
        (390, "light", "halted-phone-light"),
        (390, "dark", "halted-phone-dark"),
    ] {
        page.look(width, scheme).await;
        fits(page).await;
        reads_well(page).await;
        page.screenshot(name).await;
    }
    page.look(1280, "light").await;
    has_names_for_a_screen_reader(page).await;
    resumes_by_keyboard(page).await;
    page.until("document.body.dataset.state === 'active'").await;
    page.until("!document.querySelector('form[data-command=resume]')").await;
}

/// No click: to the reason by Tab, and on by Enter.
async fn resumes_by_keyboard(page: &mut Page) {
    page.evaluate("document.activeElement.blur()").await;
    page.tab_until("document.activeElement.matches('form[data-command=resume] input[name=reason]')").await;
    page.type_text("it works").await;
    page.tab_until("document.activeElement.matches('form[data-command=resume] button')").await;
    page.press("Enter").await;
}

/// Nothing is cut off, and a finger hits each button.
async fn fits(page: &mut Page) {
    let overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(page.evaluate(overflow).await, 0, "the page does not scroll sideways");
    let small = "[...document.querySelectorAll('button')].filter((b) => b.getBoundingClientRect().height < 44).length";
    assert_eq!(page.evaluate(small).await, 0, "a finger hits each button");
}

/// The contrast of texts that matter in a halt against what is behind them, by WCAG 2.2: 4.5 to 1 at least.
async fn reads_well(page: &mut Page) {
    let script = "(() => {
        const parts = (color) => color.match(/[0-9.]+/g).map(Number);
        const light = (color) => parts(color).slice(0, 3).map((c) => c / 255)
            .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const behind = (one) => {
            for (let at = one; at; at = at.parentElement) {
                const color = getComputedStyle(at).backgroundColor;
                if (parts(color)[3] !== 0) return color;
            }
            return 'rgb(255, 255, 255)';
        };
        const ratio = (one) => {
            const [a, b] = [light(getComputedStyle(one).color), light(behind(one))];
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        };
        return [...document.querySelectorAll('h1, h2, .state strong, #halts p, #answer, label, button, td, th, .muted, a, .live')]
            .filter((one) => one.innerText.trim() && ratio(one) < 4.5)
            .map((one) => `${one.tagName} ${one.className} ${one.innerText.slice(0, 20)}: ${ratio(one).toFixed(2)}`);
    })()";
    assert_eq!(page.evaluate(script).await, json!([]), "texts that are hard to read");
}

async fn fits_a_phone_in_the_dark(page: &mut Page) {
    page.look(390, "dark").await;
    fits(page).await;
    page.screenshot("active-phone-dark").await;
    page.look(1280, "dark").await;
    page.screenshot("active-dark").await;
}

/// Two hundred reasons and names of halts, which stand in the list of halts and among the events.
async fn runs_nothing_hostile(page: &mut Page) {
    let texts: Vec<String> =
        (0..200).map(|n| HOSTILE[n % HOSTILE.len()].replace('N', &n.to_string())).collect();
    let send = format!(
        "(async () => {{ let done = 0; for (const text of {}) {{
            const told = await fetch('/control/halt', {{ method: 'POST',
                headers: {{ 'Content-Type': 'application/json', 'X-Kestrel-Token': document.getElementById('token').value }},
                body: JSON.stringify({{ reason: text, by: text }}) }});
            done += (await told.json()).done ? 1 : 0;
        }} return done; }})()",
        json!(texts)
    );
    assert_eq!(page.evaluate(&send).await, 200);
    page.until("document.querySelectorAll('#halts .halt').length === 200").await;
    let last = json!(texts[199]);
    page.until(&format!("document.getElementById('halts').innerText.includes({last})")).await;
    let ran = "Object.keys(window).filter((name) => /^x[0-9]+$/.test(name)).length";
    assert_eq!(page.evaluate(ran).await, 0, "a hostile text was run");
    let strange = "document.querySelectorAll('#halts img, #halts iframe, #halts script, #halts svg, #rest img, #rest script').length";
    assert_eq!(page.evaluate(strange).await, 0);
    page.screenshot("hostile-dark").await;
}
