//! A mail server that takes everything.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// An e-mail as it was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub to: String,
    pub content: String,
}

/// The server; ends with the test's runtime.
#[derive(Clone)]
pub struct MailSink {
    port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
}

impl MailSink {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Self {
            port: listener.local_addr().unwrap().port(),
            mails: Arc::default(),
        };
        let own = sink.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let own = own.clone();
                // A client that goes away has nothing more to say.
                tokio::spawn(async move { own.talk(socket).await.ok() });
            }
        });
        sink
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }

    async fn talk(&self, socket: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = socket.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut to = String::new();
        write.write_all(b"220 mail.example.org ready\r\n").await?;
        while let Some(line) = lines.next_line().await? {
            let upper = line.to_ascii_uppercase();
            let reply: &[u8] = if upper.starts_with("EHLO") {
                b"250-mail.example.org\r\n250 8BITMIME\r\n"
            } else if let Some(address) = upper.strip_prefix("RCPT TO:") {
                let address = address.trim_start_matches('<').split('>').next();
                to = address.unwrap_or_default().to_ascii_lowercase();
                b"250 ok\r\n"
            } else if upper == "DATA" {
                write.write_all(b"354 go on\r\n").await?;
                let mut content = String::new();
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    content.push_str(&line);
                    content.push('\n');
                }
                self.mails.lock().unwrap().push(Mail {
                    to: std::mem::take(&mut to),
                    content,
                });
                b"250 taken\r\n"
            } else if upper == "QUIT" {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            } else {
                b"250 ok\r\n"
            };
            write.write_all(reply).await?;
        }
        Ok(())
    }
}
