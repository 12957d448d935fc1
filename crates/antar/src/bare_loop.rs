//! `antar bare-loop`: the yardstick that `antar bench --bare-loop` starts.

use antar_server::BareLoop;
use std::net::SocketAddr;

#[derive(clap::Args)]
pub struct Options {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let server = BareLoop::bind(options.listen)?;
        println!("antar: bare loop listening on {}", server.address()?);
        Ok(server.run().await?)
    })
}
