# SPDX-License-Identifier: ISC
# The image of etc/kubernetes/: bgpd, bgpsh and the plugins on Debian.
#
# podman build -t fairway:0.1.0 .        docker build works the same
ARG DEBIAN=debian:bookworm-slim

FROM ${DEBIAN} AS build
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        build-essential autoconf automake libtool pkg-config libevent-dev \
        libjson-c-dev libbsd-dev libmd-dev libedit-dev libyaml-dev libcurl4-openssl-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN ./autogen.sh \
    && ./configure -q --prefix=/usr --sysconfdir=/etc --localstatedir=/var \
        --runstatedir=/run \
        CFLAGS="-O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2" \
        LDFLAGS="-Wl,-z,relro,-z,now" \
    && make -s -j"$(nproc)" \
    && make -s install-strip DESTDIR=/out \
    && rm -f /out/usr/lib/fairway/*.la

FROM ${DEBIAN}
# The C library's own and these: what bgpd, bgpsh and the plugins are linked to.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        libevent-core-2.1-7 libevent-extra-2.1-7 libjson-c5 libbsd0 libmd0 libedit2 libyaml-0-2 libcurl4 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
COPY --from=build /out/usr/sbin/bgpd /usr/sbin/bgpd
COPY --from=build /out/usr/bin/bgpsh /usr/bin/bgpsh
COPY --from=build /out/usr/lib/fairway /usr/lib/fairway
COPY LICENSE /usr/share/doc/fairway/copyright
# Mounted over in a cluster; a read-only root must have the places.
RUN mkdir -p /etc/fairway /run/fairway /var/lib/fairway
# No USER: capabilities that a pod adds reach root's processes alone, and the
# socket's and the state's directories are root's on the node.
ENTRYPOINT ["/usr/sbin/bgpd"]
CMD ["-f", "/etc/fairway/bgpd.conf", "-s", "/run/fairway/bgpd.sock", "-p", "0"]
