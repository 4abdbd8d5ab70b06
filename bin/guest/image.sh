# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by scripts that pack a file system for the guest. They lay it out in
# $stage.
. "$(dirname "${BASH_SOURCE[0]}")/guest.sh"

# install_files FILE... - Install files of the host at their place in the guest.
install_files()
{
	local file
	for file; do
		install -D "$file" "$stage$file"
	done
}

# install_libraries PROGRAM... - Install the libraries that a dynamic program
# needs, and its loader.
install_libraries()
{
	local found
	mapfile -t found < <(ldd "$@" 2>/dev/null | grep -o '\s/[^ :]*' |
		sort -u | xargs -r printf '%s\n')
	install_files "${found[@]}"
}

# install_program FILE... - Install programs of the host in /usr/bin, with their
# libraries.
install_program()
{
	install -D -t "$stage/usr/bin" "$@"
	install_libraries "$@"
}

# pack FILE [LINE...] - Make an archive of $stage, and of what the lines describe
# in the form of gen_init_cpio. The kernel's archiver can add device files without
# being root.
pack()
{
	[[ -x $user/gen_init_cpio ]] ||
		run_logged "the build of the archiver" archiver \
			gcc -O2 -o "$user/gen_init_cpio" "$tree/usr/gen_init_cpio.c"
	{
		find "$stage" -mindepth 1 \
			\( -type d -printf 'dir /%P %m 0 0\n' \) -o \
			\( -type l -printf 'slink /%P %l 777 0 0\n' \) -o \
			\( -type f -printf 'file /%P %p %m 0 0\n' \)
		[[ $# == 1 ]] || printf '%s\n' "${@:2}"
	} >"$1.list"
	run_logged "packing the initramfs" initramfs archive "$1.list" "$1.tmp"
	mv "$1.tmp" "$1"
}

archive()
{
	"$user/gen_init_cpio" -t 0 "$1" | gzip -1 >"$2"
}
