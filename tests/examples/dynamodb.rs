//! Runs `dynoxide`, a DynamoDB in memory, at the loopback port that is its argument. The local
//! stack can use it in place of the emulator's own tables: `make timeline DYNAMODB=memory`.

use dynoxide::Database;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).ok_or("which port?")?.parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    dynoxide::server::serve_on(listener, Database::memory()?).await;
    Ok(())
}
