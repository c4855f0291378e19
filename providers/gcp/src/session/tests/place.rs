//! A place on loopback that gives tokens: it writes down what comes, and answers what it is told to.

use std::{
    collections::BTreeMap,
    ops::Index,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A request that came.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) line: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Asked {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    pub(super) fn form(&self) -> BTreeMap<String, String> {
        let pairs = self.body.split('&').filter_map(|it| it.split_once('='));
        pairs
            .map(|(key, value)| (key.to_owned(), plain(value)))
            .collect()
    }
}

impl Index<&str> for Asked {
    type Output = String;

    fn index(&self, header: &str) -> &String {
        &self.headers[header]
    }
}

/// Returns text without the marks that a form gives it.
pub(super) fn plain(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|it| it.expect("two digits"));
                let digits = std::str::from_utf8(&digits).expect("text").to_owned();
                u8::from_str_radix(&digits, 16).expect("a number")
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).expect("text")
}

/// What is answered for each path, one after another; the last again and again.
type Answers = BTreeMap<String, Vec<(u16, Value)>>;

/// A place that gives tokens.
pub(super) struct Place {
    pub(super) url: String,
    answers: Arc<Mutex<Answers>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Place {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let place = Self {
            url: format!("http://{}", listener.local_addr().expect("an address")),
            answers: Arc::default(),
            asked: Arc::default(),
        };
        let (answers, asked) = (Arc::clone(&place.answers), Arc::clone(&place.asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&answers), Arc::clone(&asked)));
            }
        });
        place
    }

    pub(super) fn says(&self, path: &str, status: u16, body: Value) {
        let mut answers = self.answers.lock().expect("nobody panics");
        answers
            .entry(path.to_owned())
            .or_default()
            .push((status, body));
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("nobody panics").clone()
    }

    pub(super) fn token(&self) -> String {
        format!("{}/token", self.url)
    }
}

async fn answer(
    mut stream: TcpStream,
    answers: Arc<Mutex<Answers>>,
    asked: Arc<Mutex<Vec<Asked>>>,
) {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    let (head, body) = loop {
        let count = stream.read(&mut buffer).await.expect("a request");
        text.push_str(std::str::from_utf8(&buffer[..count]).expect("text"));
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().expect("a length"))
        });
        if body.len() >= length.unwrap_or(0) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let line = head.lines().next().expect("a line").to_owned();
    let headers = head.lines().skip(1).filter_map(|it| it.split_once(": "));
    let headers = headers.map(|(key, value)| (key.to_lowercase(), value.to_owned()));
    asked.lock().expect("nobody panics").push(Asked {
        headers: headers.collect(),
        body,
        line: line.clone(),
    });
    let path = line.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let (status, body) = {
        let mut answers = answers.lock().expect("nobody panics");
        match answers.get_mut(path) {
            Some(left) if left.len() > 1 => left.remove(0),
            Some(left) => left[0].clone(),
            None => (404, json!({ "error": "not_found" })),
        }
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} Told\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let whole = head + &body;
    // Whoever asked may have left.
    let _ = stream.write_all(whole.as_bytes()).await;
}
