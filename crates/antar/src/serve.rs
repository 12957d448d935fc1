//! `antar serve`.

use antar_server::{Config, Server};
use anyhow::Context;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
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
    /// The realm's name at its first start; kept afterwards [default: the host's name].
    #[arg(long, value_name = "REALM")]
    pub name: Option<String>,
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
        if self.name.is_some() {
            config.name = self.name.clone();
        }
        Ok(config)
    }
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    let config = options.config()?;
    start_logging(&config)?;
    runtime(&config)?.block_on(serve(&config, announce))
}

/// Logs to standard error: standard output is for the one line that says the realm is there.
pub fn start_logging(config: &Config) -> anyhow::Result<()> {
    // The engine's own notes are of interest to its authors; what is wrong with it is to ours.
    let directives = format!("fjall=warn,lsm_tree=warn,{}", config.log);
    let filter = EnvFilter::try_new(directives)
        .with_context(|| format!("log = {:?} is no level and no directives", config.log))?;
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours);
    log.with_writer(std::io::stderr).init();
    Ok(())
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
fn allow_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "could not raise the limit on open files");
    }
}

/// Runs a realm until SIGTERM or SIGINT. `ready` is called when it takes connections.
pub async fn serve(config: &Config, ready: impl FnOnce(&Server)) -> anyhow::Result<()> {
    let stop = Stop::listen()?;
    let server = Server::start(config).await?;
    ready(&server);
    stop.wait().await;
    tracing::info!("shutting down");
    server.shut_down().await;
    Ok(())
}

/// SIGTERM and SIGINT.
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
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
    // Whoever waits for this line may have gone; the realm runs all the same.
    let mut out = std::io::stdout();
    let _ =
        writeln!(out, "antar: realm {} listening on {}", server.name(), addresses.join(" and "));
    let _ = out.flush();
}
