//! The faults by name. Each one is a script in a file of its own.

mod cut_off;
mod nats_away;
mod node_killed;
mod node_stopped;
mod rolling_restart;

use std::time::Duration;

use clap::ValueEnum;

use crate::arguments::Programs;
use crate::clock::Moment;
use crate::course::Course;
use crate::failure::Failure;
use crate::namespace::Namespace;
use crate::node::Recipe;
use crate::stage::{Stage, VICTIM};

/// How long before a fault an event may have been sent that is lost with it: it was on its way.
const BEFORE: Duration = Duration::from_secs(1);
/// For all to be well again; what it may take is another figure.
const RECOVERY: Duration = Duration::from_secs(40);
/// Until the end of the run.
const EVER: Moment = Duration::MAX;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// A node is killed (SIGKILL), and started again when the others have noticed.
    NodeKilled,
    /// A node is stopped for 15 s (SIGSTOP) and goes on.
    NodeStopped,
    /// NATS is killed and started again 1 s later.
    NatsRestarted,
    /// NATS is stopped for 30 s (SIGSTOP) and goes on.
    NatsStopped,
    /// NATS is killed and started again 30 s later.
    NatsDown,
    /// Between a node and NATS nothing passes for 10 s, while the node's clients reach it (network namespaces; root).
    NodeCutOff,
    /// Every node is told to leave (SIGTERM) and started again, one after the other.
    RollingRestart,
}

/// A stage, and what has to outlive its processes.
pub struct Setting {
    pub stage: Stage,
    namespace: Option<Namespace>,
}

impl Fault {
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Starts what the fault is to be made in.
    pub async fn set(
        self,
        programs: &Programs,
        nats_host: &str,
        logs: std::path::PathBuf,
    ) -> Result<Setting, Failure> {
        let node = |name: &str| Recipe { name: name.into(), host: "127.0.0.1".into(), namespace: None };
        let mut recipes = vec![node("ann"), node("ben"), node("cid")];
        if self != Self::NodeCutOff {
            let stage = Stage::set(programs, nats_host, recipes, logs).await?;
            return Ok(Setting { stage, namespace: None });
        }
        let namespace = Namespace::make()?;
        recipes[VICTIM].host = namespace.node();
        recipes[VICTIM].namespace = Some(namespace.name().to_owned());
        let stage = Stage::set(programs, &namespace.nats(), recipes, logs).await?;
        Ok(Setting { stage, namespace: Some(namespace) })
    }

    /// Makes the fault and mends it; what has to be known to judge what came of it.
    pub async fn run(self, setting: &mut Setting) -> Result<Course, Failure> {
        let Setting { stage, namespace } = setting;
        match self {
            Self::NodeKilled => node_killed::run(stage).await,
            Self::NodeStopped => node_stopped::run(stage).await,
            Self::NatsRestarted => nats_away::killed(stage, 1).await,
            Self::NatsStopped => nats_away::stopped(stage, 30).await,
            Self::NatsDown => nats_away::killed(stage, 30).await,
            Self::NodeCutOff => match namespace {
                Some(namespace) => cut_off::run(stage, namespace).await,
                None => Err(Failure::NotHere("there is no namespace".into())),
            },
            Self::RollingRestart => rolling_restart::run(stage).await,
        }
    }
}
