//! Every node is told to leave and started again, one after the other. Its clients go elsewhere.

use std::time::Duration;

use crate::course::{Course, Gone, Paths, Window};
use crate::failure::Failure;
use crate::stage::Stage;

use super::{BEFORE, EVER, RECOVERY};

pub async fn run(stage: &mut Stage) -> Result<Course, Failure> {
    let all = stage.nodes();
    let mut course = Course { cut: all.clone().collect(), told: all.clone().collect(), ..Course::default() };
    let (mut slowest_notice, mut slowest_recovery) = (Duration::ZERO, Duration::ZERO);
    for node in all {
        let ids = stage.book.ids_on(node);
        let dismissed = stage.clock.now();
        stage.dismiss(node)?;
        let noticed = stage.gone(node, &stage.others(node), dismissed).await?;
        slowest_notice = slowest_notice.max(noticed - dismissed);
        stage.left(node).await?;
        let left = stage.clock.now();
        course.gone.push(Gone { ids, from: noticed, to: EVER, except: None });
        let from = dismissed.saturating_sub(BEFORE);
        course.windows.push(Window { paths: Paths::Of(node), from, to: left });

        stage.start(node).await?;
        slowest_recovery = slowest_recovery.max(stage.whole(RECOVERY).await? - left);
        stage.pass(Duration::from_secs(1)).await;
    }
    course.took("the others notice", slowest_notice, 1_000);
    course.took("well again", slowest_recovery, 10_000);
    Ok(course)
}
