#!/bin/sh
# Builds a Debian base image with Python, NumPy and SciPy, for an engine that can reach no registry.
#
#   base/build.sh [TAG]        TAG defaults to uptake/base:local
#
# Needs mmdebstrap and a reachable engine. Without root, mmdebstrap uses a user namespace.
# SUITE chooses the Debian release (default bookworm), MIRROR the archive, DOCKER the client.
set -eu

tag=${1:-uptake/base:local}
suite=${SUITE:-bookworm}
docker=${DOCKER:-docker}

command -v mmdebstrap >/dev/null || { echo "mmdebstrap is missing: apt-get install mmdebstrap" >&2; exit 1; }
"$docker" version >/dev/null || { echo "no container engine answers to '$docker version'" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Debian's python3-scipy depends on a C++ compiler for a feature that nothing here uses: it is
# unpacked without its dependencies, and the libraries that it really links are named instead.
cat >"$work/scipy.sh" <<'HOOK'
#!/bin/sh
set -eu
debs=$(mktemp -d)
trap 'rm -rf "$debs"' EXIT
# apt gives up its privileges for a download, and must be able to write there
chmod 0777 "$debs"
(cd "$debs" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -q download python3-scipy)
dpkg-deb --fsys-tarfile "$debs"/python3-scipy_*.deb | tar -x -C "$1" --keep-directory-symlink
HOOK

cat >"$work/slim.sh" <<'HOOK'
#!/bin/sh
set -eu
cd "$1"
rm -rf usr/share/man usr/share/info usr/share/locale usr/share/lintian usr/share/zoneinfo \
  usr/share/perl usr/share/perl5 usr/lib/*/perl usr/lib/*/perl-base usr/bin/perl* usr/lib/*/gconv \
  usr/lib/python3*/test usr/lib/python3*/lib2to3 usr/lib/python3*/ensurepip \
  var/cache/apt var/cache/debconf var/lib/apt/lists var/log
mkdir -p var/log
find usr/lib/python3 usr/lib/python3.* -type d \( -name tests -o -name __pycache__ \) -prune -exec rm -rf {} +
find usr/lib \( -name '*.a' -o -name '*.pyi' -o -name '*.pyx' -o -name '*.h' \) -delete
# A container's root is read-only: what the programs import is compiled now, once.
chroot . python3 -c 'import argparse, json, pathlib, zlib, numpy, scipy.ndimage'
HOOK
chmod 0755 "$work" "$work"/*.sh

# Without device nodes: an engine makes its own /dev, and the platform refuses any in an upload.
mmdebstrap --quiet --variant=essential --format=tar --skip=output/dev \
  --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/info/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --include=python3-numpy,python3-decorator,libblas3,liblapack3,liblbfgsb0,libgfortran5,libstdc++6 \
  --customize-hook="$work/scipy.sh" \
  --customize-hook="$work/slim.sh" \
  "$suite" "$work/rootfs.tar" ${MIRROR:+"$MIRROR"}

"$docker" import \
  --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
  --change 'ENV LANG=C.UTF-8' \
  --change 'CMD ["python3"]' \
  "$work/rootfs.tar" "$tag" >/dev/null
"$docker" image inspect --format "$tag {{.Size}} bytes" "$tag"
