//! A node is killed under load.

use std::time::Duration;

use crate::course::{Course, Gone, Paths, Window};
use crate::failure::Failure;
use crate::stage::{Stage, VICTIM};

use super::{BEFORE, EVER, RECOVERY};

pub async fn run(stage: &mut Stage) -> Result<Course, Failure> {
    let mut course = Course { cut: [VICTIM].into(), ..Course::default() };
    let ids = stage.book.ids_on(VICTIM);
    let killed = stage.clock.now();
    stage.kill(VICTIM).await?;
    let noticed = stage.gone(VICTIM, &stage.others(VICTIM), killed).await?;
    course.took("the others notice", noticed - killed, 3_000);
    course.gone.push(Gone { ids, from: noticed, to: EVER, except: None });
    // Whoever was on it is elsewhere by then.
    course.windows.push(Window {
        paths: Paths::Of(VICTIM),
        from: killed.saturating_sub(BEFORE),
        to: noticed,
    });

    stage.pass(Duration::from_secs(2)).await;
    let again = stage.clock.now();
    stage.start(VICTIM).await?;
    course.took("well again after its start", stage.whole(RECOVERY).await? - again, 10_000);
    Ok(course)
}
