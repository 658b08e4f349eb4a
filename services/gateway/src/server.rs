//! A Socket.IO server made from the settings.

use natter::{Cors, Io, Limits};

use crate::{
    cluster,
    rooms::{self, Crowds, House, Names},
    settings::{Origins, Settings},
};

/// Builds the server and opens the room protocol on it.
pub fn build(settings: &Settings) -> Io {
    let house = House {
        policy: settings.policy.clone(),
        names: Names { longest: settings.max_name.0 },
        crowds: Crowds::default(),
    };
    let mut builder = Io::builder()
        .path(settings.path.as_str())
        .transports(&settings.transports.0)
        .allow_upgrades(settings.allow_upgrades)
        .ping_interval(settings.ping_interval)
        .ping_timeout(settings.ping_timeout)
        .upgrade_timeout(settings.upgrade_timeout)
        .connect_timeout(settings.connect_timeout)
        .ack_timeout(settings.ack_timeout)
        .close_timeout(settings.close_timeout)
        .max_payload(settings.max_payload.0)
        .limits(limits(settings))
        .cors(cors(settings))
        .node_name(&settings.node)
        .state(house);
    if let Some(folder) = &settings.client_bundle {
        builder = builder.client_bundle(folder);
    }
    if let Some(cluster) = cluster::of(settings) {
        builder = builder.cluster(cluster);
    }
    let io = builder.build();
    rooms::open(&io);
    io
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        head_bytes: settings.max_head.0,
        auth_bytes: settings.max_auth.0,
        attachments: settings.max_attachments,
        packet_timeout: settings.packet_timeout,
        packets_per_payload: settings.max_packets_per_payload,
        packets_per_poll: settings.max_packets_per_poll,
        rooms_per_connection: settings.max_rooms,
        namespaces_per_connection: settings.max_namespaces,
        name_bytes: settings.max_name.0,
        json_depth: settings.max_json_depth,
        arguments: settings.max_arguments,
        pending_acks: settings.max_pending_acks,
        fragments: settings.max_fragments,
        outbox_soft_bytes: settings.outbox_soft.0,
        outbox_hard_bytes: settings.outbox_hard.0,
        pending_handlers: settings.max_pending_handlers,
        shard_queue_bytes: settings.max_shard_queue.0,
    }
}

fn cors(settings: &Settings) -> Cors {
    let cors = match &settings.cors_origins {
        Origins::Same => Cors::same_origin(),
        Origins::Any => Cors::any(),
        Origins::List(origins) => Cors::origins(origins),
    };
    cors.credentials(settings.cors_credentials)
}
