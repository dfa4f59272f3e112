//! Reads, answers and changes a little of each message, by the crate `proxy-wasm` of whatever version.
use proxy_wasm::traits::*;
use proxy_wasm::types::*;

struct Guest;

impl Context for Guest {}

fn start() {
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_http_context(|_, _| -> Box<dyn HttpContext> { Box::new(Guest) });
}

#[cfg(feature = "old")]
#[no_mangle]
pub fn _start() {
    start();
}

#[cfg(not(feature = "old"))]
proxy_wasm::main! {{ start(); }}

fn log(text: &str) {
    let _ = proxy_wasm::hostcalls::log(LogLevel::Info, text);
}

impl Guest {
    fn request(&mut self) -> Action {
        let path = self.get_http_request_header(":path").unwrap_or_default();
        log(&format!("{} {}", path, self.get_http_request_headers().len()));
        if self.get_http_request_header("x-refuse").is_some() {
            self.send_http_response(403, vec![("x-guest", "rust")], Some(b"refused\n"));
            return Action::Pause;
        }
        self.set_http_request_header("x-guest", Some("rust"));
        self.set_http_request_header("x-two", None);
        Action::Continue
    }

    fn response(&mut self) -> Action {
        let status = self.get_http_response_header(":status").unwrap_or_default();
        log(&format!("answer {}", status));
        self.set_http_response_header("x-guest", Some(&status));
        Action::Continue
    }
}

impl HttpContext for Guest {
    #[cfg(feature = "old")]
    fn on_http_request_headers(&mut self, _: usize) -> Action {
        self.request()
    }

    #[cfg(not(feature = "old"))]
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.request()
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        if !end {
            return Action::Pause;
        }
        let body = self.get_http_request_body(0, size).unwrap_or_default();
        log(&format!("body {} {}", size, body.len()));
        Action::Continue
    }

    #[cfg(feature = "old")]
    fn on_http_response_headers(&mut self, _: usize) -> Action {
        self.response()
    }

    #[cfg(not(feature = "old"))]
    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        self.response()
    }

    fn on_log(&mut self) {
        log("over");
    }
}
