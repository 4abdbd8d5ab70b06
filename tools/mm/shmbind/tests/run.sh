#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests of `shmbind run` and its preload library. The guest has four nodes with
# CPUs.
# shellcheck disable=SC2016,SC3043,SC3045 # the loader expands $LIB; all shells have
# local and ulimit -l
. "$(dirname "$0")/lib.sh"

library='/usr/lib/shmbind/$LIB/shmbind-preload.so'

# made - The id that make-segment printed. The segment is removed at the end.
made()
{
	id=$(cat out)
	at_end remove_segment "$id"
}

# expect_made ARG... - `shmbind run ARG...` makes a segment; its id is in $id.
expect_made()
{
	expect_status 0 shmbind run "$@"
	made
}

# expect_binding BINDING - That of segment $id, as "stripe|hard:1-3" or "default".
expect_binding()
{
	case $1 in
	default) expect_equal default "$(binding "$id")" "the binding" ;;
	*) expect_equal "shmbind=$1" "$(binding "$id")" "the binding" ;;
	esac
}

# expect_error_of ERROR PATTERN PROGRAM... - It prints the name of the error of
# shmget(2), and one line on stderr that the pattern matches. No segment is left.
expect_error_of()
{
	local error="$1" pattern="$2"
	shift 2
	expect_status 1 "$@"
	expect_output "$error"
	expect_error_like "$pattern"
	expect_equal 1 "$(wc -l <err)" "the number of lines"
	expect_no_segment
}

# with_library NAME=VALUE... PROGRAM... - Run a program with the library, but
# without `shmbind run`, as a unit of systemd does.
with_library()
{
	env LD_PRELOAD="$library" "$@"
}

# as_user PROGRAM... - Run it as a user without privileges.
as_user()
{
	make-segment -u 65534 "$@"
}

# free_kib - Free memory of all nodes.
free_kib()
{
	awk '$3 == "MemFree:" { sum += $4 } END { print sum }' \
		"$nodes"/node*/meminfo
}

# expect_memory_back KIB - Check that what was free is free again.
expect_memory_back()
{
	local now
	now=$(free_kib)
	[ "$now" -gt $(($1 - 8192)) ] ||
		fail "$1 KiB were free, and only $now KiB are"
}

#
# What is bound.
#

test_run_binds_a_segment()
{
	expect_made -p stripe -s hard -n 1-3 -- make-segment 4M
	expect_binding 'stripe|hard:1-3'
}

test_every_policy_and_strength_is_bound()
{
	for policy in firstref stripe mostfree weighted; do
		for strength in hard mask soft; do
			expect_made -p $policy -s $strength -n 0,2 \
				make-segment 1M
			expect_binding "$policy|$strength:0,2"
		done
	done
}

test_default_is_firstref_soft_on_all()
{
	expect_made make-segment 4M
	expect_binding 'firstref|soft:0-3'
}

test_run_prints_nothing()
{
	expect_made -p stripe make-segment 4M
	expect_error ''
}

test_verbose_prints_a_line_a_segment()
{
	expect_made -v -p stripe -s hard -n 0-3 make-segment -k 0x1f 64M
	expect_error "shmbind: segment $id (key 0x1f, 64M): stripe|hard:0-3"
}

test_mode_is_what_the_program_asked_for()
{
	expect_made -p stripe make-segment -m 640 4M
	expect_equal 640 \
		"$(awk -v id="$id" '$2 == id { print $3 }' /proc/sysvipc/shm)"
}

test_small_segments_are_left_alone()
{
	expect_made --min-size 4M -p stripe make-segment 4095K
	expect_binding default
}

test_segment_of_min_size_is_bound()
{
	expect_made --min-size 4M -p stripe -n 1 make-segment 4M
	expect_binding 'stripe|soft:1'
}

test_huge_pages_are_used()
{
	set_pool 1 2048 4
	expect_made --huge=2M -s hard -n 1 make-segment 4M
	expect_binding 'firstref|hard:1'
	grep "^ *0 *$id .* kernelpagesize_kB=2048 " /proc/sysvipc/shmbind
}

test_default_size_of_huge_pages_is_used()
{
	set_pool 1 2048 4
	expect_made --huge -s hard -n 1 make-segment 2M
	grep "^ *0 *$id .* kernelpagesize_kB=2048 " /proc/sysvipc/shmbind
}

# Without --min-size, they are those that are smaller than one huge page.
test_library_leaves_small_segments_alone()
{
	for size in 2M:1M 1G:4M; do
		expect_status 0 with_library SHMBIND_HUGE="${size%:*}" \
			make-segment "${size#*:}"
		made
		expect_binding default
	done
}

test_huge_leaves_small_segments_alone()
{
	expect_made --huge=2M -p stripe make-segment 1M
	expect_binding default
}

#
# The program is as it would be without the command.
#

test_run_keeps_the_process_id()
{
	expect_status 0 sh -c 'echo $$; exec shmbind run make-segment -p'
	expect_equal 1 "$(uniq out | wc -l)" "the number of process ids"
}

test_exit_status_is_the_programs()
{
	expect_status 42 shmbind run make-segment -e 42
	expect_silence
}

test_signal_is_the_programs()
{
	expect_status 143 shmbind run make-segment -s 15
}

# passed_on NAME ARG... - `shmbind run ARG...`, and print that variable of the program.
passed_on()
{
	local name="$1"
	shift
	shmbind run "$@" jq -n -r "env.$name"
}

test_options_are_passed_on()
{
	expect_equal 1073741824 "$(passed_on SHMBIND_HUGE --huge=1G)"
	expect_equal default "$(passed_on SHMBIND_HUGE --huge)"
	expect_equal '' "$(passed_on SHMBIND_HUGE)"
	expect_equal 4194304 "$(passed_on SHMBIND_MIN_SIZE --min-size 4M)"
	expect_equal 2097152 "$(passed_on SHMBIND_MIN_SIZE --huge=2M)"
}

test_program_has_no_more_descriptors()
{
	expect_status 0 shmbind run timeout 10 ls /proc/self/fd
	expect_equal '0 1 2 3' "$(xargs <out)" descriptors
}

test_arguments_are_the_programs()
{
	expect_status 0 shmbind run -p stripe make-segment -p -v --help
	expect_error ''
}

#
# Ways to call shmget(2).
#

# expect_bound_by WAY [OPTION...]
expect_bound_by()
{
	local way="$1"
	shift
	expect_made -p stripe -s hard -n 1-2 "$@" make-segment -w "$way" 4M
	expect_binding 'stripe|hard:1-2'
	expect_error ''
}

test_thread_is_bound()
{
	expect_bound_by thread
}

test_child_of_fork_is_bound()
{
	expect_bound_by fork
}

test_child_of_vfork_is_bound()
{
	expect_bound_by vfork
}

test_privileges_may_be_dropped_first()
{
	expect_bound_by setuid
}

test_environment_may_be_cleared_first()
{
	expect_bound_by clearenv
}

test_root_may_be_changed_first()
{
	expect_bound_by chroot
}

test_executed_program_is_bound()
{
	expect_made -p stripe -s hard -n 1-2 timeout 10 make-segment 4M
	expect_binding 'stripe|hard:1-2'
}

test_program_of_32_bit_is_bound()
{
	expect_made -p stripe -s hard -n 1-2 make-segment_32 4M
	expect_binding 'stripe|hard:1-2'
	expect_error ''
}

test_child_of_32_bit_is_bound()
{
	expect_made -p stripe -s hard -n 1-2 timeout 10 make-segment_32 4M
	expect_binding 'stripe|hard:1-2'
	expect_error ''
}

test_user_without_privileges_can_run()
{
	expect_status 0 as_user shmbind run -p stripe -n 1 make-segment 4M
	made
	expect_binding 'stripe|soft:1'
}

# Once, for the segment of the program, and not for one of the command.
test_other_preloaded_library_is_called()
{
	expect_status 0 env LD_PRELOAD="$tests/preload-shmget.so" \
		shmbind run -p stripe -n 1 make-segment 4M
	made
	expect_binding 'stripe|soft:1'
	expect_error 'the wrapper was called'
}

test_library_comes_before_others()
{
	expect_status 0 env LD_PRELOAD="$tests/preload-shmget.so" \
		shmbind run jq -n -r env.LD_PRELOAD
	expect_output "$library:$tests/preload-shmget.so"
}

test_run_within_run_names_the_library_once()
{
	expect_equal "$library" "$(passed_on LD_PRELOAD shmbind run)"
}

test_run_within_run_uses_the_inner_one()
{
	expect_made -p stripe -n 1 shmbind run -p mostfree -n 2 make-segment 4M
	expect_binding 'mostfree|soft:2'
}

test_environment_is_enough()
{
	expect_status 0 with_library SHMBIND_POLICY=stripe \
		SHMBIND_STRENGTH=hard SHMBIND_NODES=2 make-segment 4M
	made
	expect_binding 'stripe|hard:2'
}

#
# Keys.
#

test_segment_created_again_is_bound_again()
{
	expect_made -p stripe -n 1 make-segment -k 77 4M
	remove_segment "$id"
	expect_made -p stripe -n 1 make-segment -k 77 4M
	expect_binding 'stripe|soft:1'
}

test_existing_segment_is_left_alone()
{
	local existing
	expect_status 0 make-segment -k 77 4M
	made
	existing=$id
	expect_status 0 shmbind run -p stripe make-segment -k 77 4M
	expect_output "$existing"
	expect_binding default
}

test_existing_key_fails_exclusively()
{
	expect_status 0 make-segment -k 77 4M
	made
	expect_status 1 shmbind run -p stripe make-segment -x -k 77 4M
	expect_output EEXIST
	expect_error ''
}

test_missing_key_is_not_created()
{
	expect_status 1 shmbind run -p stripe make-segment -l -k 77 4M
	expect_output ENOENT
	expect_error ''
}

# expect_one_segment [RUNNER...] - Eight processes get one segment of one key.
expect_one_segment()
{
	expect_status 0 "$@" -v -p stripe -s hard -n 1-2 --populate \
		make-segment -n 8 -k 77 8M
	sort -u out >ids
	id=$(cat ids)
	at_end remove_segment "$id"
	expect_equal 8 "$(wc -l <out)" "the number of results"
	expect_equal 1 "$(wc -l <ids)" "the number of ids"
	expect_equal 1 "$(grep -c 'stripe|hard:1-2$' err)" "the number of segments made"
	expect_binding 'stripe|hard:1-2'
}

test_one_of_many_processes_creates()
{
	expect_one_segment shmbind run
}

test_one_of_many_users_processes_creates()
{
	expect_one_segment as_user shmbind run
}

# A process that was killed has left a segment with the library's own mode.
test_abandoned_segment_is_replaced()
{
	local abandoned
	expect_status 0 make-segment -m 210 -k 77 4M
	made
	abandoned=$id
	expect_made -p stripe -n 1 make-segment -k 77 4M
	[ "$id" != "$abandoned" ] || fail "the abandoned segment is used"
	expect_binding 'stripe|soft:1'
}

test_abandoned_key_can_be_had_exclusively()
{
	expect_status 0 make-segment -m 210 -k 77 4M
	made
	expect_made -p stripe -n 1 make-segment -x -k 77 4M
	expect_binding 'stripe|soft:1'
}

#
# Failing closed.
#

test_node_outside_the_cpuset_is_an_error()
{
	new_cpuset small 0-1
	expect_error_of EINVAL "shmbind: cannot bind a segment of 4M (key 0x0), \
stripe|soft:1-2: node 2 is outside the cpuset of this process (0-1)" \
		in_cpuset small env LD_PRELOAD="$library" \
		SHMBIND_POLICY=stripe SHMBIND_NODES=1-2 make-segment 4M
}

test_missing_node_is_an_error()
{
	expect_error_of EINVAL '*: node 9 is beyond the nodes of this machine (*' \
		with_library SHMBIND_NODES=1,9 make-segment 4M
}

test_wrong_variable_is_an_error()
{
	for wrong in POLICY=most STRENGTH=strong NODES=3-1 NODES=1x HUGE=3M MIN_SIZE=x \
		POPULATE=2 BEST_EFFORT=yes VERBOSE=-1; do
		expect_error_of EINVAL "shmbind: SHMBIND_$wrong: expected *" \
			with_library "SHMBIND_$wrong" make-segment 4M
	done
}

test_best_effort_goes_on_unbound()
{
	expect_status 0 with_library SHMBIND_NODES=9 SHMBIND_BEST_EFFORT=1 \
		make-segment -m 640 4M
	made
	expect_binding default
	expect_error_like '*: node 9 is beyond *; it is not bound'
	expect_equal 640 \
		"$(awk -v id="$id" '$2 == id { print $3 }' /proc/sysvipc/shm)"
}

test_wrong_binding_is_an_error_at_once()
{
	new_cpuset small 0-1
	expect_refusal 125 '*: node 2 is outside the cpuset *' in_cpuset small \
		shmbind run -n 2 make-segment -p
}

test_best_effort_starts_the_program()
{
	new_cpuset small 0-1
	expect_status 0 in_cpuset small \
		shmbind run --best-effort -n 2 make-segment -e 0
	expect_error_like '*: node 2 is outside the cpuset *'
}

test_missing_huge_page_size_is_an_error()
{
	expect_refusal 125 'shmbind: --huge=4M: not a size of huge pages; *' \
		shmbind run --huge=4M make-segment -p
}

test_huge_pages_need_permission()
{
	set_pool 1 2048 4
	# The kernel still lets users lock memory instead.
	ulimit -l 0
	expect_error_of EPERM '*: huge pages need *vm.hugetlb_shm_group' \
		as_user shmbind run --huge=2M -n 1 make-segment 4M
}

test_best_effort_uses_ordinary_pages()
{
	expect_made --best-effort --huge=2M -n 1 make-segment 4M
	expect_binding 'firstref|soft:1'
	expect_error_like '*; ordinary pages are used'
}

# Hide their sizes, as if the kernel did not have huge pages.
test_kernel_without_huge_pages_is_125()
{
	expect_refusal 125 '*: --huge: this kernel has no huge pages' \
		unshare -m sh -c "mount -t tmpfs none /sys/kernel/mm/hugepages &&
			exec shmbind run --huge make-segment -p"
}

test_wrong_usage_is_125()
{
	expect_refusal 125 'shmbind: *' shmbind run -p most make-segment -p
	expect_refusal 125 'shmbind: *' shmbind run --min-size x make-segment -p
	expect_refusal 125 'shmbind: PROGRAM is missing; see *' shmbind run
}

#
# Programs that cannot be reached.
#

test_static_program_is_refused()
{
	expect_refusal 126 'shmbind: cannot reach make-segment_static: * is statically linked;*' \
		shmbind run make-segment_static -p
}

test_setuid_program_is_refused()
{
	chmod 755 .. .
	cp "$tests/make-segment" setuid
	chmod 4755 setuid
	expect_refusal 126 'shmbind: cannot reach ./setuid: * is setuid,*' \
		as_user shmbind run ./setuid -p
}

test_setuid_to_a_user_is_refused_for_root()
{
	cp "$tests/make-segment" setuid
	chown 65534 setuid
	chmod 4755 setuid
	expect_refusal 126 '* is setuid,*' shmbind run ./setuid -p
}

test_setgid_program_is_refused()
{
	cp "$tests/make-segment" setgid
	chown 0:65534 setgid
	chmod 2755 setgid
	expect_refusal 126 '* is setgid,*' shmbind run ./setgid -p
}

# The program inherits what makes the loader ignore LD_PRELOAD.
test_run_with_other_effective_ids_is_refused()
{
	chmod 755 .. .
	cp "$(command -v shmbind)" setuid
	chmod 4755 setuid
	expect_refusal 126 '* is run with effective ids that are not *' \
		as_user ./setuid run make-segment -p
}

# Without the x bit of the group, it is not setgid.
test_setgid_without_x_is_reached()
{
	cp "$tests/make-segment" setgid
	chown 0:65534 setgid
	chmod 2745 setgid
	expect_made -p stripe -n 1 ./setgid 4M
	expect_binding 'stripe|soft:1'
}

test_setuid_root_is_reached_by_root()
{
	cp "$tests/make-segment" setuid
	chmod 4755 setuid
	expect_made -p stripe -n 1 ./setuid 4M
	expect_binding 'stripe|soft:1'
}

test_setuid_is_reached_on_a_nosuid_mount()
{
	chmod 755 .. .
	mkdir nosuid
	mount -t tmpfs -o nosuid,mode=755 none nosuid
	at_end umount "$PWD/nosuid"
	cp "$tests/make-segment" nosuid/setuid
	chmod 4755 nosuid nosuid/setuid
	expect_status 0 as_user shmbind run -p stripe -n 1 nosuid/setuid 4M
	made
	expect_binding 'stripe|soft:1'
}

test_setuid_is_reached_with_no_new_privs()
{
	chmod 755 .. .
	cp "$tests/make-segment" setuid
	chmod 4755 setuid
	expect_status 0 as_user setpriv --nnp shmbind run -p stripe -n 1 \
		./setuid 4M
	made
	expect_binding 'stripe|soft:1'
}

test_missing_32_bit_library_is_refused()
{
	cp -r /usr/lib/shmbind .
	rm -r shmbind/lib32
	expect_refusal 126 "*no library for its word size, 32 bit: \
$PWD/shmbind/lib32/shmbind-preload.so: No such file or directory;*" \
		env SHMBIND_LIBRARY="$PWD/shmbind/\$LIB/shmbind-preload.so" \
		shmbind run make-segment_32 -p
}

test_script_is_followed_to_its_program()
{
	printf '#!%s -p\n' "$tests/make-segment" >script
	chmod 755 script
	expect_status 0 shmbind run ./script
	printf '#!%s -p\n' "$tests/make-segment_static" >script
	expect_refusal 126 'shmbind: cannot reach ./script: *static is statically linked;*' \
		shmbind run ./script
}

test_script_of_a_script_is_followed()
{
	printf '#! \t%s -p\n' "$tests/make-segment" >inner
	printf '#!%s\n' "$PWD/inner" >outer
	chmod 755 inner outer
	expect_status 0 shmbind run ./outer
}

test_missing_interpreter_is_126()
{
	printf '#!/missing\n' >script
	chmod 755 script
	expect_refusal 126 '*: its interpreter /missing: No such file or directory' \
		shmbind run ./script
}

# execvp(3) gives it to a shell, which is static in the guest.
test_file_of_no_form_is_for_the_shell()
{
	echo 'exit 0' >plain
	chmod 755 plain
	expect_refusal 126 '*: cannot reach ./plain: /bin/sh is statically linked;*' \
		shmbind run ./plain
}

test_empty_directory_in_path_is_the_current()
{
	cp "$tests/make-segment" here
	expect_status 0 env PATH=":$PATH" shmbind run here -p
}

test_directory_is_not_a_program()
{
	expect_refusal 126 'shmbind: cannot execute /tmp: Permission denied' \
		shmbind run /tmp
}

test_missing_program_is_127()
{
	expect_refusal 127 'shmbind: cannot execute nothing: No such file or directory' \
		shmbind run nothing
}

test_file_without_permission_is_126()
{
	touch plain
	expect_refusal 126 'shmbind: cannot execute ./plain: Permission denied' \
		shmbind run ./plain
	expect_refusal 126 'shmbind: cannot execute plain: Permission denied' \
		env PATH="$PWD:$PATH" shmbind run plain
}

test_program_of_another_machine_is_126()
{
	cp "$tests/make-segment" foreign
	printf '\000\001' | dd of=foreign bs=1 seek=18 conv=notrunc 2>/dev/null
	expect_refusal 126 '*./foreign is not a program for this machine' \
		shmbind run ./foreign
}

#
# A kernel without the call.
#

# without_call PROGRAM... - Hide /proc/sysvipc/shmbind.
without_call()
{
	unshare -m sh -c 'mount -t tmpfs none /proc/sysvipc && exec "$@"' sh "$@"
}

test_kernel_without_the_call_is_an_error()
{
	expect_refusal 125 'shmbind: this kernel does not have shmbind(2): *' \
		without_call shmbind run make-segment -p
}

test_if_supported_starts_the_program()
{
	expect_status 0 without_call shmbind run --if-supported make-segment 4M
	made
	expect_binding default
	expect_error ''
}

test_if_supported_binds_where_it_is()
{
	expect_made --if-supported -p stripe -n 1 make-segment 4M
	expect_binding 'stripe|soft:1'
}

test_if_supported_does_not_find_a_program()
{
	expect_refusal 127 'shmbind: cannot execute nothing: No such file or directory' \
		without_call shmbind run --if-supported nothing
}

test_library_fails_without_the_call()
{
	expect_error_of ENOSYS 'shmbind: this kernel does not have shmbind(2): *' \
		without_call env LD_PRELOAD="$library" make-segment 4M
}

#
# Filling.
#

test_populate_fills_a_striped_segment()
{
	expect_made --populate -p stripe -s hard -n 0-3 make-segment 4M
	for node in 0 1 2 3; do
		expect_equal 256 "$(resident "$id" $node)" "node $node"
	done
	expect_error ''
}

test_populate_spreads_firstref_by_cpus()
{
	expect_made --populate -s hard -n 1-3 make-segment 6M
	for node in 1 2 3; do
		expect_equal 512 "$(resident "$id" $node)" "node $node"
	done
}

test_populate_works_in_32_bit()
{
	expect_made --populate -p stripe -s hard -n 1-2 make-segment_32 4M
	expect_equal 512 "$(resident "$id" 2)" "node 2"
}

test_populate_works_in_a_child_of_vfork()
{
	expect_bound_by vfork --populate
	expect_equal 512 "$(resident "$id" 2)" "node 2"
}

test_populate_uses_cpus_in_a_child_of_fork()
{
	expect_status 0 shmbind run --populate -s hard -n 1-3 \
		make-segment -w fork 6M
	made
	for node in 1 2 3; do
		expect_equal 512 "$(resident "$id" $node)" "node $node"
	done
}

test_populate_works_in_a_thread()
{
	expect_bound_by thread --populate --min-size 1M
	expect_equal 512 "$(resident "$id" 1)" "node 1"
}

test_populate_fills_huge_pages()
{
	set_pool 1 2048 4
	set_pool 2 2048 4
	expect_made --populate --huge=2M -p stripe -s hard -n 1-2 make-segment 8M
	expect_equal 2 "$(resident "$id" 1)" "node 1"
	expect_equal 2 "$(resident "$id" 2)" "node 2"
}

test_populate_fills_a_whole_pool()
{
	set_pool 1 2048 4
	expect_made --populate --huge=2M -s hard -n 1 make-segment 8M
	expect_equal 4 "$(resident "$id" 1)" "node 1"
}

# Each node gets whole pages, and the last part is not a whole one.
test_populate_fills_an_odd_number_of_pages()
{
	expect_made --populate -p stripe -s hard -n 1-3 make-segment 4099K
	expect_equal 1025 "$(($(resident "$id" 1) + $(resident "$id" 2) +
		$(resident "$id" 3)))" pages
}

# The CPUs of a process need not be those of the nodes.
test_populate_works_on_some_cpus()
{
	expect_status 0 taskset 2 shmbind run --populate -s hard -n 1-3 \
		make-segment 6M
	made
	expect_equal 1536 "$(resident "$id" 1)" "node 1"
}

test_populated_segment_has_its_mode()
{
	expect_made --populate -p stripe -n 1 make-segment -m 640 4M
	expect_equal 640 \
		"$(awk -v id="$id" '$2 == id { print $3 }' /proc/sysvipc/shm)"
}

test_node_that_is_too_small_is_enomem()
{
	local kib free
	kib=$(node_kib 3 MemTotal)
	free=$(free_kib)
	expect_error_of ENOMEM "shmbind: cannot fill a segment of * (key 0x0), \
firstref|hard:3: node 3 needs $((kib / 4)) pages of 4K (*) and has * pages of 4K (*)" \
		shmbind run --populate -s hard -n 3 make-segment "${kib}K"
	expect_memory_back "$free"
}

test_nodes_that_are_too_small_are_enomem()
{
	local kib free
	kib=$(($(node_kib 2 MemTotal) + $(node_kib 3 MemTotal)))
	free=$(free_kib)
	expect_error_of ENOMEM "*: the segment needs $((kib / 4)) pages of 4K (*) \
and nodes 2-3 have * pages of 4K (*)" \
		shmbind run --populate -p mostfree -s mask -n 2-3 \
		make-segment "${kib}K"
	expect_memory_back "$free"
}

test_soft_segment_larger_than_all_is_enomem()
{
	expect_error_of ENOMEM '*: the segment needs * and nodes 0-3 have *' \
		shmbind run --populate make-segment 4G
}

# The nodes have room together, so only filling can tell.
test_full_node_is_found_by_filling()
{
	local free
	fill_node 3
	free=$(free_kib)
	expect_status 1 shmbind run --populate -s hard -n 2-3 make-segment 64M
	expect_output ENOMEM
	expect_error_like '*|hard:2-3: of 16384 pages of 4K, node 3 got * and has room for *'
	expect_equal "$filler" "$(segments)" "the list of segments"
	expect_memory_back "$free"
}

test_small_pool_is_enomem()
{
	set_pool 1 2048 4
	expect_error_of ENOMEM '*: node 1 needs 8 pages of 2M (16M) and has 4 pages of 2M (8M)' \
		shmbind run --populate --huge=2M -s hard -n 1 make-segment 16M
	expect_equal 4 "$(cat "$nodes/node1/hugepages/hugepages-2048kB/free_hugepages")"
}

test_pool_on_another_node_is_enomem()
{
	set_pool 1 2048 4
	set_pool 2 2048 8
	expect_error_of ENOMEM '*: node 1 needs 8 pages of 2M (16M) and has 4 pages of 2M (8M)' \
		shmbind run --populate --huge=2M -s hard -n 1 make-segment 16M
	expect_equal 8 "$(cat "$nodes/node2/hugepages/hugepages-2048kB/free_hugepages")"
}

test_best_effort_goes_on_unfilled()
{
	expect_made --populate --best-effort -s hard -n 3 \
		make-segment "$(node_kib 3 MemTotal)K"
	expect_binding 'firstref|hard:3'
	expect_error_like '*: node 3 needs *; it is not filled'
}

test_fatal_signal_leaves_no_segment()
{
	expect_status 142 shmbind run --populate -p stripe -n 0-2 \
		make-segment -a 200M
	expect_output ''
	expect_no_segment
}

main "$@"
