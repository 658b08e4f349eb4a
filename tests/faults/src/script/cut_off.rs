//! Between one node and NATS nothing passes any more, while its clients reach it as before.

use std::time::Duration;

use crate::course::{Course, Gone, Paths, Window};
use crate::failure::Failure;
use crate::namespace::Namespace;
use crate::stage::{Stage, VICTIM};

use super::{BEFORE, RECOVERY};

pub async fn run(stage: &mut Stage, namespace: &Namespace) -> Result<Course, Failure> {
    let mut course = Course::default();
    let ids = stage.book.ids_on(VICTIM);
    let cut = stage.clock.now();
    namespace.cut()?;
    let others = stage.others(VICTIM);
    let (noticed, itself) = tokio::join!(stage.gone(VICTIM, &others, cut), stage.unready(&[VICTIM], cut));
    let (noticed, itself) = (noticed?, itself?);
    course.took("the others notice", noticed - cut, 3_000);
    course.took("it notices itself", itself - cut, 5_000);
    stage.until(cut + Duration::from_secs(10)).await;

    let again = stage.clock.now();
    namespace.mend()?;
    let well = stage.whole(RECOVERY).await?;
    course.took("well again", well - again, 10_000);
    // They are still there, but only for their own node.
    course.gone.push(Gone { ids, from: noticed, to: again, except: Some(VICTIM) });
    course.windows.push(Window { paths: Paths::Between(VICTIM), from: cut.saturating_sub(BEFORE), to: well });
    Ok(course)
}
