//! What swapplex does, live: first how fast, then what happens when things break.
//!
//! `cargo xtask demo` runs it. It starts a server of its own, or uses the one at `REDIS_URL`: there it touches only
//! keys under a prefix of its own, deletes them at the end, and kills no connection but its own.

mod faults;
mod load;
mod place;
mod profiles;
mod screen;
mod speed;
mod text;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::place::Place;
use crate::profiles::Profiles;
use crate::screen::Screen;

/// An error that is only shown.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long the load is given to end once it is interrupted.
const SETTLING: Duration = Duration::from_millis(300);

#[tokio::main]
async fn main() -> ExitCode {
    let mut screen = Screen::stdout();
    let opened = async {
        let place = Place::open()?;
        let description = place.description().await?;
        Ok::<_, Failure>((place, description))
    };
    let (place, description) = match opened.await {
        Ok(opened) => opened,
        Err(failure) => {
            screen.line(&format!("The demo has no server to run on: {failure}"));
            return ExitCode::FAILURE;
        }
    };
    screen.line("swapplex demo");
    screen.line("");
    for line in description {
        screen.line(&line);
    }
    let outcome = tokio::select! {
        outcome = run(&place, &mut screen) => outcome,
        _ = tokio::signal::ctrl_c() => {
            // What was on its way just now must not arrive behind the deletion.
            tokio::time::sleep(SETTLING).await;
            Err("interrupted".into())
        }
    };
    let mut code = ExitCode::SUCCESS;
    for failure in [outcome, place.tidy_up().await]
        .into_iter()
        .filter_map(Result::err)
    {
        screen.line(&format!("The demo failed: {failure}"));
        code = ExitCode::FAILURE;
    }
    code
}

async fn run(place: &Place, screen: &mut Screen) -> Result<(), Failure> {
    let profiles = Arc::new(Profiles::new(&place.prefix));
    profiles.store(place).await?;
    screen.line("");
    screen.line("1. Speed");
    screen.line("");
    speed::show(place, &profiles, screen).await?;
    screen.line("");
    screen.line("2. Faults");
    screen.line("");
    faults::show(place, &profiles, screen).await
}
