//! NATS is away: stopped, so that its connections stay, or killed.

use std::time::Duration;

use crate::clock::Moment;
use crate::course::{Course, Paths, Window};
use crate::failure::Failure;
use crate::stage::Stage;

use super::{BEFORE, RECOVERY};

/// NATS is killed, and started again at the same address.
pub async fn killed(stage: &mut Stage, seconds: u64) -> Result<Course, Failure> {
    let away = stage.clock.now();
    stage.nats.kill().await?;
    let mut course = noticed(stage, away).await?;
    stage.until(away + Duration::from_secs(seconds)).await;
    stage.nats.start_again().await?;
    mended(stage, &mut course, away).await?;
    Ok(course)
}

/// NATS does nothing, and goes on.
pub async fn stopped(stage: &mut Stage, seconds: u64) -> Result<Course, Failure> {
    let away = stage.clock.now();
    stage.nats.stop()?;
    let mut course = noticed(stage, away).await?;
    stage.until(away + Duration::from_secs(seconds)).await;
    stage.nats.go_on()?;
    mended(stage, &mut course, away).await?;
    Ok(course)
}

async fn noticed(stage: &Stage, away: Moment) -> Result<Course, Failure> {
    let all: Vec<usize> = stage.nodes().collect();
    let mut course = Course::default();
    course.took("all nodes notice", stage.unready(&all, away).await? - away, 5_000);
    Ok(course)
}

async fn mended(stage: &Stage, course: &mut Course, away: Moment) -> Result<(), Failure> {
    let again = stage.clock.now();
    let well = stage.whole(RECOVERY).await?;
    course.took("well again", well - again, 10_000);
    // Inside of a node everything goes on.
    course.windows.push(Window { paths: Paths::Across, from: away.saturating_sub(BEFORE), to: well });
    Ok(())
}
