# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by container: Podman, with the programs of the guest.
rootfs=/srv/container
profile=/usr/share/containers/seccomp.json

make_rootfs()
{
	mkdir -p "$rootfs"/{dev,etc,proc,programs,run,sys,tmp,usr}
	ln -sfn usr/bin usr/lib usr/lib64 usr/sbin "$rootfs"
}

# podman_run OPTION... -- COMMAND... - Without systemd, and without a network.
podman_run()
{
	local options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	timeout 60 podman --cgroup-manager cgroupfs --events-backend none \
		--runtime crun --storage-driver vfs run --log-driver none \
		--network none --volume /usr:/usr:ro --volume /programs:/programs:ro \
		"${options[@]}" --rootfs "$rootfs" "$@"
}

podman_denied()
{
	section "Podman: the seccomp profile"
	make_rootfs
	figure podman "$(podman --version)"
	figure runtime "$(crun --version | head -n 1)"
	verdict "a container runs" podman_run --rm -- true
	refused "with its own profile, the call is denied" 'shmbind' \
		podman_run --rm -- shmbind create 1M -p stripe
	jq '.syscalls += [input]' "$profile" /deploy/containers/shmbind.json \
		>/tmp/profile.json
	refused "with the name in the profile too: libseccomp does not know it" 'shmbind' \
		podman_run --rm --security-opt seccomp=/tmp/profile.json -- \
		shmbind create 1M -p stripe
	podman_run --rm --security-opt seccomp=unconfined -- bash -c \
		'shmbind run -p stripe -s hard --populate -- ipcmk -M 4M && shmbind list' \
		>/tmp/unconfined 2>&1
	said </tmp/unconfined
	verdict "without a filter, shmbind run binds a segment inside" \
		grep 'stripe|hard:0-3' /tmp/unconfined
}

podman_bound()
{
	local id inside
	section "Podman: cpuset, memory limit, and a segment that is bound from outside"
	make_rootfs
	verdict "a container is started with two nodes and 32 MB" \
		podman_run --detach --name box --cpuset-mems 0-1 --memory 32m -- sleep 1000
	inside=$(podman --cgroup-manager cgroupfs inspect --format '{{.State.Pid}}' box)
	id=$(nsenter --target "$inside" --ipc \
		shmbind create 8M -p stripe -s hard -n 1-2 --key 0x1234)
	verdict "it has the segment that was bound outside" \
		box shmbind list "$id"
	said </tmp/verdict
	verdict "its program fills it" box /programs/segment fill "$id"
	enter "$inside" shmbind list "$id" | said
	verdict "all pages are on the node that is in the mask and in the cpuset" \
		eval "enter $inside shmbind list $id | grep -x ' *N1=2048'"
	refused "inside, a mask with a node outside of the cpuset is refused" 'node' \
		box_unconfined shmbind create 1M -p stripe -n 1-2
	id=$(nsenter --target "$inside" --ipc shmbind create 64M -p stripe -s hard -n 0-1)
	verdict "64 MB: the process is killed by the container's limit" \
		ends_with 137 box /programs/segment fill "$id"
	verdict "the container goes on" box true
	podman --cgroup-manager cgroupfs rm --force --time 0 box >/dev/null 2>&1
	verdict "outside, no segment is left" not grep -q . <<<"$(keys '')"
}

# box COMMAND... - Run it in the container.
box()
{
	timeout 60 podman --cgroup-manager cgroupfs exec box "$@"
}

# box_unconfined COMMAND... - The same without a seccomp filter.
box_unconfined()
{
	podman_run --rm --cpuset-mems 0-1 --security-opt seccomp=unconfined -- "$@"
}
