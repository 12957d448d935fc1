//! `antar serve`.

use crate::owner;
use antar_server::{Bound, Config, LogWriter, Server, end_process_on_panic};
use anyhow::Context;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// What is given here goes before what stands in the configuration file.
#[derive(clap::Args, Default)]
pub struct Options {
    /// A TOML file that sets everything else; docs/antar.toml shows every key.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The data directory [default: antar-data].
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// An address to listen on, more than once for several [default: 127.0.0.1:8889].
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Vec<SocketAddr>,
    /// Where to serve metrics and health over HTTP [default: nowhere].
    #[arg(long, value_name = "ADDR:PORT")]
    pub metrics: Option<SocketAddr>,
    /// The realm's name at its first start; kept afterwards [default: the host's name].
    #[arg(long, value_name = "REALM")]
    pub name: Option<String>,
    /// Make a new key where identity.pem, by which linked realms know this one, is gone.
    #[arg(long)]
    pub new_identity: bool,
}

impl Options {
    /// The configuration file with these options over it.
    pub fn config(&self) -> anyhow::Result<Config> {
        let mut config = self.config.as_deref().map_or(Ok(Config::default()), Config::read)?;
        if let Some(data) = &self.data {
            config.data = data.clone();
        }
        if !self.listen.is_empty() {
            config.listen = self.listen.clone();
        }
        if self.metrics.is_some() {
            config.metrics = self.metrics;
        }
        if self.name.is_some() {
            config.name = self.name.clone();
        }
        config.new_identity = self.new_identity;
        Ok(config)
    }
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    let config = options.config()?;
    // Some addresses are root's only.
    let bound = Bound::to(&config)?;
    owner::take_place(&config.data)?;
    let log = start_logging(&config)?;
    runtime(&config)?.block_on(serve(options, &config, bound, &log))
}

/// Changes what is logged.
pub type Log = Box<dyn Fn(EnvFilter)>;

/// Logs to standard error: standard output is for the one line that says the realm is there. From now on
/// a panic is logged there too, and ends the process where it would leave the realm dead.
pub fn start_logging(config: &Config) -> anyhow::Result<Log> {
    let colours = std::io::stderr().is_terminal();
    let filter = filter(config)?;
    let stderr = LogWriter::stderr().context("cannot start the thread that writes the log")?;
    end_process_on_panic(stderr.clone());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours);
    // Standard error is that thread's alone: what goes wrong with a line is not said there otherwise.
    let log = log.log_internal_errors(false).with_writer(move || stderr.clone());
    let log = log.with_filter_reloading();
    let handle = log.reload_handle();
    log.init();
    // It fails only where there is no log any more.
    Ok(Box::new(move |filter| drop(handle.reload(filter))))
}

fn filter(config: &Config) -> anyhow::Result<EnvFilter> {
    // The engine's own notes are of interest to its authors; what is wrong with it is to ours.
    let directives = format!("fjall=warn,lsm_tree=warn,{}", config.log);
    EnvFilter::try_new(directives)
        .with_context(|| format!("log = {:?} is no level and no directives", config.log))
}

/// One thread does it on a small machine; more than one spread the connections.
pub fn runtime(config: &Config) -> anyhow::Result<tokio::runtime::Runtime> {
    allow_many_files();
    let mut builder = match config.threads() {
        1 => tokio::runtime::Builder::new_current_thread(),
        threads => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(threads);
            builder
        }
    };
    builder.enable_all().build().context("cannot start the runtime")
}

/// Each connection is a file to the system, and its usual limit of 1,024 is soft.
pub fn allow_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "could not raise the limit on open files");
    }
}

/// Runs a realm until SIGTERM or SIGINT, and reads its configuration again at each SIGHUP.
async fn serve(options: &Options, config: &Config, bound: Bound, log: &Log) -> anyhow::Result<()> {
    let stop = Interrupt::listen()?;
    // Without a file there is nothing to read: then the signal ends the process, as it does others.
    let mut hang_up = options.config.is_some().then(|| signal(SignalKind::hangup())).transpose()?;
    let mut server = Server::start_on(config, bound).await?;
    announce(&server);
    let reloading = async {
        while let Some(hang_up) = &mut hang_up
            && hang_up.recv().await.is_some()
        {
            reload(options, &mut server, log).await;
        }
        std::future::pending().await
    };
    tokio::select! {
        () = stop.wait() => {}
        () = reloading => {}
    }
    tracing::info!("shutting down");
    server.shut_down().await;
    Ok(())
}

/// Reads the configuration again; where something is wrong with it, nothing changes.
async fn reload(options: &Options, server: &mut Server, log: &Log) {
    let read = options.config().and_then(|config| Ok((filter(&config)?, config)));
    match read {
        Ok((filter, config)) => {
            log(filter);
            let changes = server.reload(&config).await;
            tracing::info!("the configuration was read again: {changes}");
        }
        Err(error) => tracing::error!("nothing changed, the configuration is wrong: {error:#}"),
    }
}

/// SIGTERM and SIGINT.
pub struct Interrupt {
    terminate: Signal,
    interrupt: Signal,
}

impl Interrupt {
    /// To be called before the first connection, so that no signal in between is missed.
    pub fn listen() -> anyhow::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of them.
    pub async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn announce(server: &Server) {
    let addresses: Vec<String> = server.addresses().iter().map(ToString::to_string).collect();
    let mut said =
        format!("antar: realm {} listening on {}\n", server.name(), addresses.join(" and "));
    if let Some(address) = server.metrics() {
        said.push_str(&format!("antar: metrics on http://{address}/metrics\n"));
    }
    said.push_str(&format!("antar: open {} in a browser\n", server.page()));
    // At once: who has the first line has the others.
    print(said);
}

/// How long standard output may take what is said there.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes to standard output. Whoever waits for it may have gone, or may have stopped the terminal: the
/// realm runs all the same.
pub fn print(said: String) {
    let (done, hear) = channel();
    let write = move || {
        let mut out = std::io::stdout();
        let _ = out.write_all(said.as_bytes()).and_then(|()| out.flush());
        let _ = done.send(());
    };
    if std::thread::Builder::new().name("stdout".into()).spawn(write).is_ok() {
        let _ = hear.recv_timeout(PATIENCE);
    }
}
