//! Requests as Twilio sends them, all different, made and signed before the clock starts.

use std::io::Write as _;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::servers::{ACCOUNT_SID, NUMBER, TOKEN};

/// Phones that text; none of them exists. So many that none reaches the most automated texts one may get in a minute.
const PHONES: usize = 125_000;

/// Requests one after the other in one piece of memory.
pub struct Requests {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// The place of the first one among all requests of the run.
    pub first: usize,
}

impl Requests {
    /// `count` requests to the server at `port`, the first of which is the `first` of the run.
    pub fn make(port: u16, first: usize, count: usize) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN.as_bytes());
        let mut made = Self {
            bytes: Vec::with_capacity(count * 1_024),
            ends: Vec::with_capacity(count),
            first,
        };
        for index in first..first + count {
            made.add(port, &key, index);
        }
        made
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The request at this place of the piece.
    pub fn get(&self, place: usize) -> &[u8] {
        let begin = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[begin..self.ends[place]]
    }

    fn add(&mut self, port: u16, key: &hmac::Key, index: usize) {
        let fields = fields(index);
        let mut context = hmac::Context::with_key(key);
        context.update(format!("http://127.0.0.1:{port}/carriers/main/sms").as_bytes());
        // In the order of their names, as they are listed.
        for (name, value) in &fields {
            context.update(name.as_bytes());
            context.update(value.as_bytes());
        }
        let signature = STANDARD.encode(context.sign());
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&fields)
            .finish();
        let head = format!(
            "POST /carriers/main/sms HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: TwilioProxy/1.1\r\n\
             Accept: */*\r\nI-Twilio-Idempotency-Token: {index:032x}\r\nX-Twilio-Signature: {signature}\r\n\
             Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(body.as_bytes());
        self.ends.push(self.bytes.len());
    }
}

/// The carrier's id of the text at this place of the run.
pub fn sid(index: usize) -> String {
    let mut sid = Vec::with_capacity(34);
    // Spread, as real ids are.
    let spread = (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    write!(sid, "SM{spread:016x}{index:016x}").expect("memory takes all");
    String::from_utf8(sid).expect("hexadecimal is ASCII")
}

fn fields(index: usize) -> [(&'static str, String); 19] {
    // Twice in a row is another phone each time, and every phone comes once before any comes again.
    let phone = (index * 7_919) % PHONES;
    let sid = sid(index);
    let fixed = |text: &str| text.to_owned();
    [
        ("AccountSid", fixed(ACCOUNT_SID)),
        ("ApiVersion", fixed("2010-04-01")),
        ("Body", format!("HELLO this is text {index}")),
        ("From", format!("+1999{phone:07}")),
        ("FromCity", fixed("WASHINGTON")),
        ("FromCountry", fixed("US")),
        ("FromState", fixed("DC")),
        ("FromZip", fixed("20001")),
        ("MessageSid", sid.clone()),
        ("NumMedia", fixed("0")),
        ("NumSegments", fixed("1")),
        ("SmsMessageSid", sid.clone()),
        ("SmsSid", sid),
        ("SmsStatus", fixed("received")),
        ("To", fixed(NUMBER)),
        ("ToCity", fixed("WASHINGTON")),
        ("ToCountry", fixed("US")),
        ("ToState", fixed("DC")),
        ("ToZip", fixed("20001")),
    ]
}
