//! `antar bare-loop` and `antar relay`: the yardsticks that `antar bench` starts.

use antar_server::{BareLoop, Relay};
use std::net::SocketAddr;

#[derive(clap::Args)]
pub struct Options {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

pub fn bare_loop(options: &Options) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let server = BareLoop::bind(options.listen)?;
        println!("antar: bare loop listening on {}", server.address()?);
        Ok(server.run().await?)
    })
}

pub fn relay(options: &Options) -> anyhow::Result<()> {
    crate::serve::allow_many_files();
    runtime()?.block_on(async {
        let server = Relay::bind(options.listen)?;
        println!("antar: relay listening on {}", server.address()?);
        Ok(server.run().await?)
    })
}

/// One thread, as a realm has on a small machine.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
