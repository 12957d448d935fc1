//! The log, written by a thread of its own: whoever has something to say never waits for whoever
//! reads it, and never fails with it.
//!
//! Standard error may be a pipe that nobody reads, a terminal that is stopped, a file on a full disk or
//! a reader that has gone. What finds no room then, or cannot be written, is dropped and counted.

use antar_types::Time;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Bytes that wait to be written at most: some thousand lines.
const ROOM: usize = 1 << 20;

/// How often it is tried to say that lines were lost, where that cannot be written either.
const RETRY: Duration = Duration::from_secs(1);

/// How long to wait where a descriptor that somebody made non-blocking takes nothing.
const PAUSE: Duration = Duration::from_millis(20);

/// Lines that were dropped, by this whole process.
static DROPPED: AtomicU64 = AtomicU64::new(0);

static STDERR: OnceLock<LogWriter> = OnceLock::new();

/// A way to the thread that writes. Whole lines are written to it, each with one call.
#[derive(Clone)]
pub struct LogWriter(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// Tells the thread that there is something to write.
    work: Condvar,
    /// Tells whoever flushes that there is nothing left.
    idle: Condvar,
}

#[derive(Default)]
struct Queue {
    text: Vec<u8>,
    /// Lines that found no room after that text.
    refused: u64,
    /// What was taken before is being written.
    writing: bool,
}

impl LogWriter {
    /// The one to standard error; its thread is started when it is first asked for.
    ///
    /// # Errors
    /// Where the system has no room for a thread.
    pub fn stderr() -> io::Result<Self> {
        if let Some(started) = STDERR.get() {
            return Ok(started.clone());
        }
        let writer = Self::start(Stderr)?;
        Ok(STDERR.get_or_init(|| writer).clone())
    }

    /// The one to standard error, if it was started.
    #[must_use]
    pub fn of_stderr() -> Option<Self> {
        STDERR.get().cloned()
    }

    fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, work, idle) = (Mutex::default(), Condvar::new(), Condvar::new());
        let shared = Arc::new(Shared { queue, work, idle });
        let its = shared.clone();
        // It ends with the process: it may be held up for good by then.
        std::thread::Builder::new().name("log".into()).spawn(move || run(&its, out))?;
        Ok(Self(shared))
    }

    /// Has a line written; without waiting, and dropped where too much waits already.
    pub fn push(&self, line: &[u8]) {
        let mut queue = self.0.queue();
        // Once one was refused the next are too, so that there is one gap and not many.
        if queue.refused > 0 || queue.text.len() + line.len() > ROOM {
            queue.refused += dropped(line);
            return;
        }
        queue.text.extend_from_slice(line);
        drop(queue);
        self.0.work.notify_one();
    }

    /// Waits until everything is written or dropped, but no longer than that; returns whether it is.
    pub fn flush_within(&self, limit: Duration) -> bool {
        let busy = |queue: &mut Queue| queue.writing || !queue.text.is_empty();
        let waited = self.0.idle.wait_timeout_while(self.0.queue(), limit, busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    /// Waits for nothing; see [`LogWriter::flush_within`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lines of the log that were dropped since the process began.
pub fn lines_dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// A line as the log has them, for what is said beside the usual way.
pub fn line(level: &str, what: &str) -> String {
    let what = what.replace(['\n', '\r'], " ");
    format!("{} {level:>5} antar_server: {what}\n", Time::now().rfc3339())
}

/// Counts the lines of a text that is dropped.
fn dropped(text: &[u8]) -> u64 {
    let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
    DROPPED.fetch_add(lines, Ordering::Relaxed);
    lines
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to write and takes it; with a limit, returns without it after a while.
    /// Returns how many lines found no room after it.
    fn take(&self, text: &mut Vec<u8>, limit: Option<Duration>) -> u64 {
        let nothing = |queue: &mut Queue| queue.text.is_empty() && queue.refused == 0;
        text.clear();
        let mut queue = self.queue();
        queue.writing = false;
        self.idle.notify_all();
        queue = match limit {
            Some(limit) => {
                let waited = self.work.wait_timeout_while(queue, limit, nothing);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.work.wait_while(queue, nothing).unwrap_or_else(PoisonError::into_inner),
        };
        queue.writing = true;
        std::mem::swap(text, &mut queue.text);
        std::mem::take(&mut queue.refused)
    }
}

fn run(shared: &Shared, out: impl Write) {
    let mut out = Out { out, cut: false };
    let (mut gap, mut text) = (Gap::default(), Vec::new());
    loop {
        let refused = shared.take(&mut text, gap.is_open().then_some(RETRY));
        gap.tell(&mut out);
        if let Err((written, error)) = out.put(&text) {
            gap.add(dropped(&text[written..]), &error.to_string());
        }
        if refused > 0 {
            gap.add(refused, "nobody read the log for too long");
            gap.tell(&mut out);
        }
    }
}

/// Lines that were lost and not told of yet.
#[derive(Default)]
struct Gap {
    lines: u64,
    why: String,
}

impl Gap {
    fn is_open(&self) -> bool {
        self.lines > 0
    }

    fn add(&mut self, lines: u64, why: &str) {
        self.lines += lines;
        self.why = why.into();
    }

    /// Says in the log how many were lost, where that can be written.
    fn tell(&mut self, out: &mut Out<impl Write>) {
        if self.is_open() {
            let lines = if self.lines == 1 { "line of the log is" } else { "lines of the log are" };
            let said = line("WARN", &format!("{} {lines} lost: {}", self.lines, self.why));
            if out.put(said.as_bytes()).is_ok() {
                *self = Self::default();
            }
        }
    }
}

/// Where it is written to.
struct Out<W> {
    out: W,
    /// The last line there was not written to its end.
    cut: bool,
}

impl<W: Write> Out<W> {
    /// Writes it all; otherwise how much of it was written, and why not the rest.
    fn put(&mut self, text: &[u8]) -> Result<(), (usize, io::Error)> {
        if self.cut && !text.is_empty() {
            self.write(b"\n").map_err(|(_, error)| (0, error))?;
        }
        self.write(text)
    }

    fn write(&mut self, text: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        while written < text.len() {
            match self.out.write(&text[written..]) {
                Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
                Ok(more) => {
                    written += more;
                    self.cut = text.get(written - 1) != Some(&b'\n');
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::sleep(PAUSE)
                }
                Err(error) => return Err((written, error)),
            }
        }
        Ok(())
    }
}

/// Standard error without the lock that all of the process shares: a thread that is held up in writing
/// must not hold up who only wants to say something else.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(io::stderr().as_fd(), text)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// What a writer does with each call.
    enum Does {
        Takes(usize),
        Fails,
    }

    /// A file that does what it is told, one call after another; afterwards it takes everything.
    struct File {
        told: Receiver<Does>,
        begun: Sender<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for File {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let _ = self.begun.send(());
            let taken = match self.told.recv() {
                Ok(Does::Takes(bytes)) => bytes.min(text.len()),
                Ok(Does::Fails) => return Err(io::ErrorKind::StorageFull.into()),
                Err(_) => text.len(),
            };
            self.written.lock().unwrap().extend_from_slice(&text[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Test {
        log: LogWriter,
        tell: Sender<Does>,
        begun: Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Test {
        fn new() -> Self {
            let ((tell, told), (begin, begun)) = (channel(), channel());
            let written = Arc::new(Mutex::default());
            let file = File { told, begun: begin, written: written.clone() };
            Self { log: LogWriter::start(file).unwrap(), tell, begun, written }
        }

        /// All that was written once the file takes everything, each line from its level on.
        fn end(self) -> Vec<String> {
            drop(self.tell);
            let text = || String::from_utf8(self.written.lock().unwrap().clone()).unwrap();
            assert!(self.log.flush_within(Duration::from_secs(30)));
            let cut = |line: &str| line.split_once("antar_server: ").map_or(line, |l| l.1).into();
            text().lines().map(cut).collect()
        }
    }

    #[test]
    fn a_file_that_takes_nothing_holds_nobody_up_and_the_gap_is_told() {
        let test = Test::new();
        test.log.push(b"first\n");
        // The thread is held up in its first call from here on.
        test.begun.recv().unwrap();
        assert!(!test.log.flush_within(Duration::from_millis(1)));
        let line = [vec![b'x'; ROOM / 4 - 1], vec![b'\n']].concat();
        let before = lines_dropped();
        (0..6).for_each(|_| test.log.push(&line));
        // It would find room, and is dropped as it is in the gap.
        test.log.push(b"small\n");
        assert!(lines_dropped() >= before + 3);
        let said = test.end();
        assert_eq!((said.len(), &*said[0]), (6, "first"));
        assert_eq!(said[5], "3 lines of the log are lost: nobody read the log for too long");
    }

    #[test]
    fn what_cannot_be_written_is_told_once_it_can_be_and_no_line_is_continued_by_another() {
        let test = Test::new();
        test.log.push(b"one\ntwo\nthree\n");
        test.tell.send(Does::Takes(6)).unwrap();
        test.tell.send(Does::Fails).unwrap();
        (0..2).for_each(|_| test.begun.recv().unwrap());
        // It tries to tell, also where nobody says anything else.
        test.begun.recv().unwrap();
        test.tell.send(Does::Fails).unwrap();
        test.log.push(b"four\n");
        let said = test.end();
        let lost = "lines of the log are lost: ";
        assert_eq!(said[..2], ["one", "tw"]);
        assert!(said[2].starts_with(&format!("2 {lost}")), "{said:?}");
        assert_eq!(said[3..], ["four"]);
    }
}
