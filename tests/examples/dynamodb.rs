//! A DynamoDB in memory, at the loopback port that is its argument: `dynoxide`, for the local stack in place of its
//! emulator's own. `make timeline DYNAMODB=memory` runs it.

use dynoxide::Database;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).ok_or("which port?")?.parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    dynoxide::server::serve_on(listener, Database::memory()?).await;
    Ok(())
}
