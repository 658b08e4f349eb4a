//! A node stands still for 15 s and goes on: it must not go on as if nothing had been.

use std::time::Duration;

use crate::course::{Course, Gone, Paths, Window};
use crate::failure::Failure;
use crate::stage::{Stage, VICTIM};

use super::{BEFORE, EVER, RECOVERY};

pub async fn run(stage: &mut Stage) -> Result<Course, Failure> {
    let mut course = Course { cut: [VICTIM].into(), told: [VICTIM].into(), ..Course::default() };
    let ids = stage.book.ids_on(VICTIM);
    let stopped = stage.clock.now();
    stage.signal(VICTIM, "STOP")?;
    let noticed = stage.gone(VICTIM, &stage.others(VICTIM), stopped).await?;
    course.took("the others notice", noticed - stopped, 3_000);
    stage.until(stopped + Duration::from_secs(15)).await;

    let again = stage.clock.now();
    stage.signal(VICTIM, "CONT")?;
    let told = stage.emptied(VICTIM, &ids, Duration::from_secs(20)).await?;
    course.took("its clients are told", told - again, 3_000);
    let well = stage.whole(RECOVERY).await?;
    course.took("well again", well - again, 10_000);
    // Not one of its sockets of before is there any more, whoever is asked, itself included.
    course.gone.push(Gone { ids: ids.clone(), from: noticed, to: again, except: None });
    course.gone.push(Gone { ids, from: told, to: EVER, except: None });
    course.windows.push(Window { paths: Paths::Of(VICTIM), from: stopped.saturating_sub(BEFORE), to: well });
    Ok(course)
}
