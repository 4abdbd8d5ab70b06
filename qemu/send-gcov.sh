#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# send-gcov DIR - Send the files of gcov below DIR to the host as an archive, through
# the port that bin/guest/vm has named gcov. They have the size 0 until they are read,
# so pack copies.
set -eu

port=$(grep -lx gcov /sys/class/virtio-ports/*/name)
port=${port%/name}
copy=/tmp/gcov

cd "$1"
find . -name '*.gcda' | while read -r file; do
	mkdir -p "$copy/${file%/*}"
	cat "$file" >"$copy/$file"
done
tar -C "$copy" -c . | gzip -1 >"/dev/${port##*/}"
