# Stands in for the images of Rust, Node, NATS and HAProxy: Debian's packages and this machine's own toolchains on the
# stand-in for Debian's slim image. Only the cluster test uses it.
FROM natter-test/debian
RUN apt-get -q update \
    && apt-get -q install --yes --no-install-recommends busybox ca-certificates gcc haproxy libc6-dev \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s /bin/busybox /usr/local/bin/wget
COPY rust /usr/local/
COPY node/node /usr/local/bin/
COPY node/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
COPY nats-server /usr/local/bin/
# What this machine trusts, which may be more than Debian does.
COPY ca-certificates.crt /etc/ssl/certs/
ENV CARGO_HOME=/usr/local/cargo \
    CARGO_HTTP_CAINFO=/etc/ssl/certs/ca-certificates.crt \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
    CARGO_PROFILE_RELEASE_DEBUG=0 \
    CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
