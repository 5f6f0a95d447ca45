//! The program as a process: started, spoken to by signals, and gone with the test.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_signalbox");
/// How often a process is asked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What processes of one stage have said so far, over restarts.
#[derive(Clone, Default)]
pub struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    /// Keeps what comes out of a pipe. A pipe and no file, because a full disk must not hide what is said of it.
    fn keep(&self, mut pipe: impl Read + Send + 'static) {
        let said = self.clone();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(read @ 1..) = pipe.read(&mut part) {
                said.0.lock().unwrap().extend_from_slice(&part[..read]);
            }
        });
    }
}

/// A running process, killed when dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts the program. The kernel ends it with the thread that started it, so start it from the test's own.
    pub fn start(command: &mut Command, said: &Said) -> Self {
        // SAFETY: prctl and signal are async-signal-safe and touch nothing but the child itself.
        unsafe {
            command.pre_exec(|| {
                // A file that may not grow must fail its write and not end the process.
                libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
                match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
                    0 => Ok(()),
                    _ => Err(io::Error::last_os_error()),
                }
            });
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        said.keep(child.stdout.take().expect("a pipe"));
        said.keep(child.stderr.take().expect("a pipe"));
        Self { child }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.id()).unwrap();
        // SAFETY: the child is ours and not waited for while it is in `self`.
        unsafe { libc::kill(pid, signal) };
    }

    /// Ends it at once, as the kernel does when memory is out.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// How it ended by itself, within this time.
    pub async fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        let end = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(within, end).await.ok()
    }

    /// The largest file it may write from now on; `None` takes the bound away.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = libc::rlimit {
            rlim_cur: bytes.unwrap_or(libc::RLIM_INFINITY),
            rlim_max: libc::RLIM_INFINITY,
        };
        let pid = i32::try_from(self.id()).unwrap();
        // SAFETY: the pointers are to a live value and null.
        let done = unsafe {
            libc::prlimit(
                pid,
                libc::RLIMIT_FSIZE,
                &raw const limit,
                std::ptr::null_mut(),
            )
        };
        assert_eq!(done, 0, "{}", io::Error::last_os_error());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
