#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests of shmbind list, create and bind. The guest has four nodes.
# shellcheck disable=SC2154 # lib.sh sets $id
. "$(dirname "$0")/lib.sh"

# new_unbound SIZE - Make a segment that is not bound; its id is in $id.
new_unbound()
{
	id=$(ipcmk -M "$1" | sed 's/.*: //')
	at_end remove_segment "$id"
}

# attached ID - Has a process attached it?
attached()
{
	awk -v id="$1" '$2 == id && $7 { found = 1 } END { exit !found }' \
		/proc/sysvipc/shm
}

# hold ID - Have a process, $holder, attach it until the test ends.
hold()
{
	touch-pages -t 100 "$1" >/dev/null &
	holder=$!
	at_end "kill $holder; wait $holder || :"
	wait_for 20 attached "$1"
}

# hold_as NAME ID - As hold, by a process with that name.
hold_as()
{
	cp "$(command -v touch-pages)" "$1"
	"./$1" -t 100 "$2" >/dev/null &
	holder=$!
	at_end "kill $holder; wait $holder || :"
	wait_for 20 attached "$2"
}

# Have two processes attached $id?
two_attached()
{
	awk -v id="$id" '$2 == id && $7 == 2 { found = 1 } END { exit !found }' \
		/proc/sysvipc/shm
}

# Have four processes attached $id?
all_attached()
{
	awk -v id="$id" '$2 == id && $7 == 4 { found = 1 } END { exit !found }' \
		/proc/sysvipc/shm
}

# Is there a segment that can be attached?
a_segment()
{
	awk '$3 == 600 { found = 1 } END { exit !found }' /proc/sysvipc/shm
}

# line ID - Print the segment's line of the last `shmbind list`, in one form.
line()
{
	awk -v id="$1" '$2 == id { $1 = $1; print }' out
}

#
# The command.
#

test_version_is_one_line()
{
	expect_status 0 shmbind --version
	expect_output_like 'shmbind [0-9]*'
}

test_help_goes_to_stdout()
{
	for command in '' list create bind run check; do
		# shellcheck disable=SC2086 # it may be empty
		expect_status 0 shmbind $command --help
		expect_output_like "Usage: shmbind ${command:-COMMAND} *"
		expect_error ''
	done
}

test_help_has_at_most_80_columns()
{
	for command in '' list create bind run check; do
		# shellcheck disable=SC2086 # it may be empty
		expect_status 0 shmbind $command --help
		awk 'length > 80 { print; bad = 1 } END { exit bad }' out
	done
}

test_no_command_is_wrong_usage()
{
	expect_refusal 2 '*: no command; expected one of list, create*' shmbind
}

test_unknown_command_is_wrong_usage()
{
	expect_refusal 2 '*: lst: unknown command; expected one of list, *' \
		shmbind lst
}

test_unknown_option_is_wrong_usage()
{
	expect_refusal 2 '*: --foo: unknown *; see shmbind list --help' \
		shmbind list --foo
	expect_refusal 2 '*: -x: unknown option; see shmbind create --help' \
		shmbind create --mode=600 -x
}

test_ambiguous_option_is_wrong_usage()
{
	expect_refusal 2 '*: --h: unknown or ambiguous option; see *' \
		shmbind create --h
}

test_missing_argument_is_wrong_usage()
{
	expect_refusal 2 '*: -n needs an argument; see shmbind bind --help' \
		shmbind bind 1 -n
	expect_refusal 2 '*: --watch needs an argument; see *' \
		shmbind list --watch
}

test_unexpected_argument_is_wrong_usage()
{
	expect_refusal 2 '*: --bars=1: this option takes no argument; see *' \
		shmbind list --bars=1
	expect_refusal 2 '*: --help=1: this option takes no argument; see *' \
		shmbind list --help=1
}

test_messages_have_no_control_characters()
{
	expect_refusal 2 '*: -p a?b?: unknown policy; *' \
		shmbind create 4M -p "$(printf 'a\nb\033')"
}

test_full_stdout_is_a_failure()
{
	expect_refusal 1 '*: cannot write to standard output: No space*' \
		sh -c 'shmbind list >/dev/full'
}

# Hide the listing, as if the kernel did not have the call.
test_kernel_without_the_call_is_reported()
{
	for command in list 'create 4M' 'bind 0' 'check 4M'; do
		expect_refusal 1 '*: this kernel does not have shmbind(2): *' \
			unshare -m sh -c "mount -t tmpfs none /proc/sysvipc &&
				exec shmbind $command"
	done
}

# Hide the nodes, as if the kernel did not have NUMA.
test_machine_without_nodes_is_reported()
{
	expect_refusal 1 '*: -n 0: this machine, or its kernel, has no NUMA *' \
		unshare -m sh -c "mount -t tmpfs none $nodes &&
			exec shmbind create 4M -n 0"
	expect_refusal 1 '*: cannot read the nodes of this machine; *' \
		unshare -m sh -c "mount -t tmpfs none $nodes &&
			exec shmbind create 4M"
}

#
# Nodes.
#

# expect_nodes LIST NODES - Check which nodes a list means.
expect_nodes()
{
	new_segment 4K -n "$1"
	expect_equal "shmbind=firstref|soft:$2" "$(binding "$id")" "-n $1"
}

test_nodes_can_be_ranges()
{
	expect_nodes 0-1,3 0-1,3
}

test_nodes_can_be_all()
{
	expect_nodes all 0-3
}

test_nodes_can_be_inverted()
{
	expect_nodes '!2' 0-1,3
	expect_nodes '!0-2' 3
}

test_nodes_can_be_relative_to_the_cpuset()
{
	new_cpuset numbered 1,3
	expect_status 0 in_cpuset numbered shmbind create 4K -n +1
	at_end remove_segment "$(cat out)"
	expect_equal 'shmbind=firstref|soft:3' "$(binding "$(cat out)")"
}

test_all_nodes_are_those_of_the_cpuset()
{
	new_cpuset narrow 1-2
	for list in all '!0' '!3'; do
		expect_status 0 in_cpuset narrow shmbind create 4K -n "$list"
		at_end remove_segment "$(cat out)"
		expect_equal 'shmbind=firstref|soft:1-2' \
			"$(binding "$(cat out)")" "-n $list"
	done
}

test_default_nodes_are_those_of_the_cpuset()
{
	new_cpuset default 0,2
	expect_status 0 in_cpuset default shmbind create 4K
	at_end remove_segment "$(cat out)"
	expect_equal 'shmbind=firstref|soft:0,2' "$(binding "$(cat out)")"
}

test_node_0_alone_is_a_list()
{
	expect_nodes 0 0
}

test_bad_nodes_are_wrong_usage()
{
	for list in 9 0-9 3-1 x '0,' ',0' -1 0-1-2 '!!0' '!' '+' +9 '0 1' all,0 \
		99999999999999999999; do
		expect_refusal 2 \
			'*: not a list of nodes of this machine (0-3); expected *' \
			shmbind create 4M -n "$list"
	done
	expect_no_segment
}

test_no_node_is_wrong_usage()
{
	for list in '!all' '!0-3' ''; do
		expect_refusal 2 "*: -n $list: names no node; expected some of 0-3" \
			shmbind create 4M -n "$list"
	done
}

#
# Creating.
#

test_create_prints_only_the_id()
{
	new_segment 4M
	expect_error ''
	expect_equal "$id" "$(segments)"
}

test_create_calls_no_preloaded_shmget()
{
	expect_status 0 env LD_PRELOAD="$tests/preload-shmget.so" \
		shmbind create 4M
	at_end remove_segment "$(cat out)"
	expect_error ''
}

test_create_binds_to_the_defaults()
{
	new_segment 4M
	expect_equal 'shmbind=firstref|soft:0-3' "$(binding "$id")"
}

test_create_takes_each_policy()
{
	for policy in firstref stripe mostfree weighted; do
		new_segment 4K -p "$policy" -n 1
		expect_equal "shmbind=$policy|soft:1" "$(binding "$id")"
	done
}

test_create_takes_each_strength()
{
	for strength in hard mask soft; do
		new_segment 4K --strength="$strength" -n 1
		expect_equal "shmbind=firstref|$strength:1" "$(binding "$id")"
	done
}

test_options_can_precede_the_size()
{
	new_segment -p stripe -s hard -n 1-3 4M
	expect_equal 'shmbind=stripe|hard:1-3' "$(binding "$id")"
}

# perms ID - Print key, mode and size.
perms()
{
	awk -v id="$1" '$2 == id { print $1, $3, $4 }' /proc/sysvipc/shm
}

test_create_makes_a_private_segment()
{
	new_segment 5000
	expect_equal '0 600 5000' "$(perms "$id")"
}

test_create_takes_key_and_mode()
{
	new_segment 4K --key 0x1234 --mode 0640
	expect_equal '4660 640 4096' "$(perms "$id")"
	new_segment 4K --key 77
	expect_equal '77 600 4096' "$(perms "$id")"
}

test_sizes_can_have_units()
{
	for size in 4096 4K 4k 4KB 4KiB; do
		new_segment "$size"
		expect_equal '0 600 4096' "$(perms "$id")" "$size"
	done
}

test_create_uses_huge_pages()
{
	set_pool 1 2048 4
	for huge in --huge --huge=2M; do
		new_segment 4M -n 1 "$huge"
		expect_equal 2048 "$(awk -v id="$id" '$2 == id' \
			/proc/sysvipc/shmbind | sed 's/.*kB=\([0-9]*\).*/\1/')"
	done
}

test_create_refuses_forced_removal()
{
	set_file /proc/sys/kernel/shm_rmid_forced 1
	expect_refusal 1 'shmbind: kernel.shm_rmid_forced is 1, *' shmbind create 4M
	expect_no_segment
}

test_created_segment_can_be_attached()
{
	new_segment 16K -p stripe -s hard -n 1-2
	expect_status 0 touch-pages "$id"
	expect_equal '2 2' "$(resident "$id" 1) $(resident "$id" 2)"
}

test_refused_node_leaves_no_segment()
{
	new_cpuset refused 0-1
	expect_refusal 1 '*: cannot bind segment *outside the cpuset*' \
		in_cpuset refused shmbind create 4M -n 2
	expect_no_segment
}

test_unprinted_id_leaves_no_segment()
{
	expect_refusal 1 '*: cannot print the id, so segment * is removed: *' \
		sh -c 'shmbind create 4M >/dev/full'
	expect_no_segment
}

# The command waits for a reader of its output, with signals blocked.
test_signal_does_not_leave_an_unknown_id()
{
	mkfifo output
	exec 3<>output
	dd if=/dev/zero bs=4096 count=16 >&3 2>/dev/null
	shmbind create 4K >output &
	wait_for 20 a_segment
	kill $!
	sleep 0.5
	[ -e "/proc/$!/exe" ] || fail 'the command has ended'
	dd bs=4096 count=16 of=/dev/null <&3 2>/dev/null
	read -r id <&3
	at_end remove_segment "$id"
	wait $!
	expect_equal "$id" "$(segments)" 'the id'
}

test_bad_size_is_wrong_usage()
{
	expect_refusal 2 '*: SIZE is missing; see shmbind create --help' \
		shmbind create
	expect_refusal 2 '*: 5M: one argument too many; expected only SIZE' \
		shmbind create 4M 5M
	for size in '' 0 4X 4MM -- 4.5M 99999999999999999999 16E; do
		expect_refusal 2 "*: SIZE '$size': not a size; expected *" \
			shmbind create -- "$size"
	done
	expect_no_segment
}

test_bad_policy_is_wrong_usage()
{
	expect_refusal 2 '*: -p strip: unknown policy; expected one of first*' \
		shmbind create 4M -p strip
}

test_bad_strength_is_wrong_usage()
{
	expect_refusal 2 '*: -s strong: unknown strength; expected one of hard*' \
		shmbind create 4M -s strong
}

test_bad_huge_page_size_is_wrong_usage()
{
	for size in 3M 4K 0 x 8M; do
		expect_refusal 2 \
			"*: --huge=$size: not a size of huge pages; expected one of 2M*" \
			shmbind create 4M --huge="$size"
	done
}

# Hide their sizes, as if the kernel did not have huge pages.
test_kernel_without_huge_pages_is_reported()
{
	expect_refusal 1 '*: --huge: this kernel has no huge pages' \
		unshare -m sh -c "mount -t tmpfs none /sys/kernel/mm/hugepages &&
			exec shmbind create 4M --huge"
}

test_bad_key_is_wrong_usage()
{
	for key in x 0x -1 0x100000000 0x0x1 99999999999999999999; do
		expect_refusal 2 '*: not a key; expected a number from 0 to *' \
			shmbind create 4M --key="$key"
	done
}

test_bad_mode_is_wrong_usage()
{
	for mode in 8 1000 -1 x 99999999999999999999; do
		expect_refusal 2 '*: not a mode; expected octal digits up to *' \
			shmbind create 4M --mode="$mode"
	done
}

test_key_in_use_is_reported()
{
	new_segment 4K --key 0x99
	expect_refusal 1 "*: --key 0x99: segment $id has this key; expected *" \
		shmbind create 4K --key 0x99
}

test_limit_of_the_size_is_reported()
{
	set_file /proc/sys/kernel/shmmax 1048576
	expect_refusal 1 \
		'*: cannot create 4194304 bytes: kernel.shmmax is 1048576 bytes' \
		shmbind create 4M
}

test_limit_of_all_sizes_is_reported()
{
	set_file /proc/sys/kernel/shmall 100
	expect_refusal 1 '*: other segments have 0 pages, and kernel.shmall is 100 pages' \
		shmbind create 4M
}

test_limit_of_the_number_is_reported()
{
	new_segment 4K
	set_file /proc/sys/kernel/shmmni 1
	expect_refusal 1 \
		'*: cannot create a segment: there are 1, and kernel.shmmni is 1' \
		shmbind create 4M
}

test_small_pool_is_reported()
{
	expect_refusal 1 '*: cannot reserve 4194304 bytes of huge pages: *' \
		shmbind create 4M --huge
}

test_group_for_huge_pages_is_reported()
{
	set_pool 1 2048 2
	set_file /proc/sys/vm/hugetlb_shm_group 12
	expect_refusal 1 '*: cannot use huge pages: *CAP_IPC_LOCK, or the group 12 *' \
		as-user 65534 shmbind create 4M --huge
}

test_other_users_can_create()
{
	expect_status 0 as-user 65534 shmbind create 4M -p stripe
	at_end remove_segment "$(cat out)"
	expect_equal 'shmbind=stripe|soft:0-3' "$(binding "$(cat out)")"
}

#
# Binding.
#

test_bind_binds()
{
	new_unbound 4194304
	expect_status 0 shmbind bind "$id" -p stripe -s mask -n 0,2
	expect_silence
	expect_equal 'shmbind=stripe|mask:0,2' "$(binding "$id")"
}

test_bind_again_replaces_the_binding()
{
	new_segment 4M -p stripe -s hard -n 1-3
	expect_status 0 shmbind bind -n 2 "$id"
	expect_equal 'shmbind=firstref|soft:2' "$(binding "$id")"
}

test_bind_names_who_has_it_attached()
{
	new_segment 16K
	hold "$id"
	expect_refusal 1 \
		"*: cannot bind segment $id: it is attached by process $holder (touch-pages)" \
		shmbind bind "$id"
}

test_bind_names_who_has_that_one_attached()
{
	new_segment 16K
	new_segment 16K
	hold "$id"
	expect_refusal 1 "*: it is attached by process $holder (touch-pages)" \
		shmbind bind "$id"
}

test_bind_reports_an_earlier_attach()
{
	new_segment 16K
	expect_status 0 touch-pages "$id"
	expect_refusal 1 "*: cannot bind segment $id: it was attached before*" \
		shmbind bind "$id"
}

test_bind_reports_a_missing_segment()
{
	expect_refusal 1 '*: cannot bind segment 99: there is no segment 99' \
		shmbind bind 99
}

# The kernel finds a segment by the lower bits of the id.
test_bind_compares_the_whole_id()
{
	new_segment 4K
	other=$((id + 32768))
	expect_refusal 1 "*: there is no segment $other" shmbind bind "$other"
}

test_bind_reports_a_missing_permission()
{
	new_segment 4K
	expect_refusal 1 "*: cannot bind segment $id: no write permission*" \
		as-user 65534 shmbind bind "$id"
}

test_bind_does_not_take_huge()
{
	expect_refusal 2 '*: --huge: the page size of a segment cannot be changed; *' \
		shmbind bind 0 --huge
}

test_bad_id_is_wrong_usage()
{
	expect_refusal 2 '*: ID is missing; see shmbind bind --help' shmbind bind
	for id in '' x -1 1x 99999999999; do
		expect_refusal 2 '*: not the id of a segment; expected *' \
			shmbind bind -- "$id"
		expect_refusal 2 '*: not the id of a segment; expected *' \
			shmbind list -- "$id"
	done
}

#
# Listing.
#

test_list_without_segments_is_a_header()
{
	expect_status 0 shmbind list
	expect_output 'KEY ID OWNER SIZE PAGE NATTCH BINDING FALLBACK FAILED'
}

test_list_shows_a_bound_segment()
{
	new_segment 4M --key 0x1234 -p stripe -s hard -n 1-3
	expect_status 0 shmbind list
	expect_equal "0x00001234 $id root 4M 4K 0 stripe|hard:1-3 0 0" \
		"$(line "$id")"
}

test_list_shows_an_unbound_segment()
{
	new_unbound 8192
	expect_status 0 shmbind list
	expect_equal "$id root 8K 4K 0 - - -" "$(line "$id" | cut -d ' ' -f 2-)"
}

test_list_shows_sizes_with_units()
{
	# more than there is memory
	set_file /proc/sys/vm/overcommit_memory 1
	for size in 1023:1023B 1024:1K 1536:1.5K 4M:4M 1G:1G; do
		new_segment "${size%:*}"
		expect_status 0 shmbind list "$id"
		expect_equal "${size#*:}" \
			"$(line "$id" | cut -d ' ' -f 4)" "${size%:*}"
	done
}

test_list_shows_a_negative_key()
{
	new_segment 4K --key 0xfffffffe
	expect_status 0 shmbind list --json
	expect_equal 4294967294 "$(jq '.segments[0].key' out)" 'the key'
	expect_status 0 shmbind list
	expect_equal "0xfffffffe $id" "$(line "$id" | cut -d ' ' -f 1,2)"
}

test_list_shows_the_owner()
{
	expect_status 0 as-user 65534 shmbind create 4K
	id=$(cat out)
	at_end remove_segment "$id"
	expect_status 0 shmbind list
	expect_equal nobody "$(line "$id" | cut -d ' ' -f 3)" 'the owner'
}

# The kernel lists them by their lower bits, which start again at 64.
test_list_is_sorted_by_id()
{
	cat >inner <<-'END'
		shmbind create 4K
		shmbind create 4K
		ipcrm -m 0
		make-segment -n 64 4K | while read -r id; do
			ipcrm -m "$id"
		done
		shmbind create 4K
		shmbind list --json >list
	END
	expect_status 0 unshare -i sh inner
	expect_equal '[1,32768]' "$(jq -c '[.segments[].id]' list)" 'the list'
}

test_list_shows_pages_on_node_0()
{
	new_segment 16K -s hard -n 0
	expect_status 0 touch-pages "$id"
	expect_status 0 shmbind list
	expect_equal '    N0=4' "$(sed -n 3p out)"
}

test_list_shows_resident_pages_by_node()
{
	new_segment 48K -p stripe -s hard -n 1-3
	expect_status 0 touch-pages "$id"
	expect_status 0 shmbind list
	expect_equal '    N1=4 N2=4 N3=4' "$(sed -n 3p out)"
}

test_list_shows_failed_allocations()
{
	fill_node 3
	expect_status 0 shmbind list
	expect_equal 1 "$(line "$filler" | awk '{ print ($9 > 0) }')"
}

test_list_shows_pages_on_other_nodes()
{
	fill_node 3
	new_segment 16K -n 3
	expect_status 0 touch-pages "$id"
	expect_status 0 shmbind list "$id"
	expect_equal 1 "$(line "$id" | awk '{ print ($8 > 0) }')"
}

test_list_counts_attaches()
{
	new_segment 16K
	hold "$id"
	expect_status 0 shmbind list
	expect_equal 1 "$(line "$id" | awk '{ print $6 }')" NATTCH
}

test_list_shows_bars()
{
	new_segment 256K -p stripe -s hard -n 1-2
	expect_status 0 touch-pages -p 0-53 "$id"
	expect_status 0 shmbind list --bars
	sed 1,2d out >bars
	expect_text bars "$(cat <<-'END'
	  node  0 |                                    |      0
	  node  1 |###########################         |     27
	  node  2 |###########################         |     27
	  node  3 |                                    |      0
	END
	)"
}

test_largest_count_has_a_full_bar()
{
	new_segment 256K -p stripe -s hard -n 3
	expect_status 0 touch-pages "$id"
	expect_status 0 shmbind list --bars
	expect_like out '*  node  3 |####################################|     64'
}

test_list_selects_ids()
{
	new_segment 4K
	first=$id
	new_segment 4K
	new_segment 4K
	expect_status 0 shmbind list "$id" "$first"
	expect_equal 3 "$(wc -l <out)" lines
	expect_equal "$id $first" "$(line "$id" | cut -d ' ' -f 2) $(
		line "$first" | cut -d ' ' -f 2)"
}

test_list_of_a_missing_id_shows_the_others()
{
	new_segment 4K
	expect_status 1 shmbind list 99 "$id"
	expect_error_like '*: 99: there is no segment with this id; see shmbind list'
	expect_equal "$id" "$(line "$id" | cut -d ' ' -f 2)"
}

test_list_marks_a_removed_segment()
{
	new_segment 16K
	hold "$id"
	ipcrm -m "$id"
	expect_status 0 shmbind list
	expect_like out '*is removed when the last process detaches it*'
	expect_status 0 shmbind list --json
	expect_equal '[true,384]' \
		"$(jq -c '.segments[0] | [.destroyed, .mode]' out)"
}

test_list_names_processes()
{
	new_segment 16K
	hold "$id"
	expect_status 0 shmbind list --processes
	expect_like out "*    $holder(touch-pages)*"
}

test_list_names_processes_with_huge_pages()
{
	set_pool 1 2048 2
	new_segment 4M --huge -n 1
	hold "$id"
	expect_status 0 shmbind list --processes
	expect_like out "*    $holder(touch-pages)*"
}

# Each file is closed at once.
test_list_needs_few_descriptors()
{
	new_segment 16K
	for _ in 1 2 3 4; do
		hold "$id"
	done
	wait_for 20 all_attached
	expect_status 0 sh -c 'ulimit -n 6 && exec shmbind list --processes'
	expect_equal 4 "$(grep -o '(touch-pages)' out | wc -l)" processes
}

# A process chooses its own name.
test_list_has_no_control_characters()
{
	new_segment 16K
	hold_as "$(printf 'a\001b')" "$id"
	expect_status 0 shmbind list --processes
	expect_like out "*    $holder(a?b)*"
	! grep "$(printf '\001')" out
}

test_list_names_no_process_after_detach()
{
	new_segment 16K
	expect_status 0 touch-pages "$id"
	expect_status 0 shmbind list --processes --json
	expect_equal '[]' "$(jq -c '.segments[0].processes' out)" processes
}

# A segment of another namespace can have the same id.
test_list_leaves_out_other_namespaces()
{
	cat >inner <<-'END'
		id=$(shmbind create 16K)
		echo "$id" >inner.id
		exec touch-pages -t 100 "$id" >/dev/null
	END
	cat >outer <<-'END'
		shmbind create 16K >outer.id
		unshare -i sh inner &
		until grep -q SYSV /proc/$!/maps; do sleep 0.1; done
		shmbind list --processes --json
		kill $!
	END
	expect_status 0 timeout 30 unshare -i sh outer
	expect_equal "$(cat outer.id)" "$(cat inner.id)" 'the inner id'
	expect_equal '[]' "$(jq -c '.segments[0].processes' out)" processes
}

escape=$(printf '\033')

test_list_is_coloured_on_a_terminal()
{
	new_segment 4K
	expect_status 0 on-terminal 80 shmbind list
	grep -q "$escape\[1mKEY" out
}

test_failures_are_red()
{
	fill_node 3
	expect_status 0 on-terminal 80 shmbind list
	grep -q "$escape\[31m[1-9][0-9]*$escape\[0m" out
}

test_no_color_is_respected()
{
	expect_status 0 env NO_COLOR=1 on-terminal 80 shmbind list
	! grep "$escape" out
}

test_json_is_never_coloured()
{
	expect_status 0 on-terminal 80 shmbind list --json
	! grep "$escape" out
}

test_lines_wrap_at_the_terminal()
{
	new_segment 16K
	for _ in 1 2 3 4; do
		hold "$id"
	done
	wait_for 20 all_attached
	expect_status 0 on-terminal 60 env NO_COLOR=1 shmbind list --processes
	tr -d '\r' <out | sed 1,2d >below
	awk 'length > 60 { print; bad = 1 } END { exit bad }' below
	[ "$(wc -l <below)" -gt 2 ] || fail "$(cat out)"
}

test_watch_clears_the_terminal()
{
	timeout 3 on-terminal 80 shmbind list --watch 0.5 >out || :
	grep -q "$escape\[H$escape\[2J" out
}

test_list_is_plain_without_a_terminal()
{
	new_segment 4K
	expect_status 0 shmbind list
	! grep "$escape" out
}

test_watch_prints_again()
{
	new_segment 4K
	timeout 3 shmbind list --watch 0.2 >out || :
	[ "$(grep -c ^KEY out)" -ge 3 ] || fail "$(cat out)"
}

test_watch_pauses()
{
	timeout 3 shmbind list --watch 100 >out || :
	expect_equal 1 "$(grep -c ^KEY out)" 'the number of lists'
}

test_watch_ends_when_nobody_reads()
{
	expect_status 0 sh -c 'shmbind list --watch 0.1 | head -n 1'
}

test_watch_ends_when_stdout_is_full()
{
	expect_refusal 1 '*: cannot write to standard output: *' \
		timeout 20 sh -c 'exec shmbind list --watch 0.1 >/dev/full'
}

test_bad_seconds_are_wrong_usage()
{
	for seconds in 0 x -1 1e3 1.2.3 inf '' 99999999; do
		expect_refusal 2 '*: not a number of seconds; expected *' \
			shmbind list --watch="$seconds"
	done
}

#
# Masks outside the cpuset.
#

# outside STRENGTH - List a segment on nodes 2-3 from a cpuset of nodes 0-2.
outside()
{
	new_cpuset moved 0-2
	new_segment 4K -s "$1" -n 2-3
	expect_status 0 in_cpuset moved shmbind list
}

test_list_warns_of_a_hard_mask_outside()
{
	outside hard
	expect_error "shmbind: segment $id: node 3 of its mask is outside this cpuset (0-2)"
}

test_list_warns_of_a_mask_outside()
{
	outside mask
	expect_error "shmbind: segment $id: node 3 of its mask is outside this cpuset (0-2)"
}

test_list_does_not_warn_of_soft()
{
	outside soft
	expect_error ''
}

test_list_warns_of_sigbus()
{
	new_cpuset moved 0-1
	new_segment 4K -s hard -n 2-3
	expect_status 0 in_cpuset moved shmbind list
	where='nodes 2-3 of its mask are outside this cpuset (0-1)'
	expect_error "shmbind: segment $id: $where; each new page raises SIGBUS"
}

test_json_has_nodes_outside_the_cpuset()
{
	new_cpuset moved 0-1
	new_segment 4K -s hard -n 1-3
	expect_status 0 in_cpuset moved shmbind list --json
	expect_error ''
	expect_equal '[2,3]' "$(jq -c '.segments[0].outside_cpuset' out)"
}

#
# JSON.
#

test_json_without_segments_is_an_empty_array()
{
	expect_status 0 shmbind list --json
	expect_equal '{"segments":[]}' "$(jq -c . out)"
}

test_json_has_stable_keys()
{
	new_segment 4K
	new_unbound 4096
	expect_status 0 shmbind list --json
	keys='key id owner uid mode destroyed size page_size attaches bound'
	keys="$keys policy strength nodes resident fallback failed outside_cpuset"
	expect_equal "$keys" \
		"$(jq -r '[.segments[] | keys_unsorted | join(" ")] | unique[]' out)"
}

test_json_has_all_values()
{
	new_segment 24K --key 0x1234 -p stripe -s hard -n 1-3
	expect_status 0 touch-pages "$id"
	expect_status 0 shmbind list --json
	expect_equal "[4660,$id,0,384,24576,4096,0]" \
		"$(jq -c '.segments[0] | [.key, .id, .uid, .mode, .size,
			.page_size, .attaches]' out)"
	expect_equal '["stripe","hard",[1,2,3],{"1":2,"2":2,"3":2},0,0]' \
		"$(jq -c '.segments[0] | [.policy, .strength, .nodes, .resident,
			.fallback, .failed]' out)"
}

test_json_of_unbound_has_null()
{
	new_unbound 4096
	expect_status 0 shmbind list --json
	expect_equal '[false,null,null,[],{},null,null]' \
		"$(jq -c '.segments[0] | [.bound, .policy, .strength, .nodes,
			.resident, .fallback, .failed]' out)"
}

test_json_names_two_processes()
{
	new_segment 16K
	hold "$id"
	hold "$id"
	wait_for 20 two_attached
	expect_status 0 shmbind list --json --processes
	expect_equal 2 "$(jq '.segments[0].processes | length' out)" processes
}

test_json_names_processes()
{
	new_segment 16K
	hold "$id"
	expect_status 0 shmbind list --json --processes
	expect_equal "[{\"pid\":$holder,\"command\":\"touch-pages\"}]" \
		"$(jq -c '.segments[0].processes' out)"
}

test_json_escapes_commands()
{
	new_segment 16K
	hold_as "$(printf 'a"\\\377\001\nb')" "$id"
	expect_status 0 shmbind list --json --processes
	expect_equal '"a\"\\�\u0001"' \
		"$(jq '.segments[0].processes[0].command' out)"
}

# expect_command NAME TEXT - The name of a process is TEXT in JSON.
expect_command()
{
	new_segment 16K
	hold_as "$(printf '%b' "$1")" "$id"
	expect_status 0 shmbind list --json --processes "$id"
	grep -q "\"command\":\"$2\"" out || fail "$1 is '$(cat out)'"
}

test_json_keeps_utf8()
{
	expect_command 'a\0303\0244\0342\0202\0254\0360\0237\0230\0200' 'aä€😀'
}

# An overlong slash, a surrogate, a character above the last one.
test_json_replaces_what_is_not_utf8()
{
	bad='\\ufffd'
	expect_command 'a\0340\0200\0257' "a$bad$bad$bad"
	expect_command 'a\0355\0240\0200' "a$bad$bad$bad"
	expect_command 'a\0364\0220\0200\0200' "a$bad$bad$bad$bad"
}

#
# Made-up lines: lib.sh has no segment with 512 nodes.
#

# made_up - A line with the longest values.
made_up()
{
	awk 'BEGIN {
		printf "-1 2147483647 shmbind=weighted|hard:0"
		for (n = 2; n < 1024; n += 2)
			printf ",%d", n
		for (n = 0; n < 1024; n += 3)
			printf " N%d=18446744073709551615", n
		printf " kernelpagesize_kB=16777216"
		print " fallback=18446744073709551615 failed=18446744073709551615"
	}'
}

test_list_has_at_most_80_columns()
{
	made_up >line
	for form in table bars; do
		listing "$form" <line >wide
		awk 'length > 80 { print; bad = 1 } END { exit bad }' wide
	done
}

test_wide_values_are_below_the_segment()
{
	made_up | listing table >wide
	for value in 'NATTCH 18446744073709551615' \
		'FALLBACK 18446744073709551615' \
		'FAILED 18446744073709551615' 'BINDING weighted|hard:0,2,4'; do
		grep -q "^    $value" wide || fail "$(cat wide)"
	done
	sed 's/^ *//' wide | tr -d '\n' | grep -q ',1018,1020,1022'
}

test_long_lists_break_after_commas()
{
	made_up | listing table >wide
	grep '^ *[0-9]*,' wide >lists
	[ -s lists ] || fail "$(cat wide)"
	! sed '$d' lists | grep -v ',$'
}

test_json_of_the_longest_line_is_valid()
{
	made_up | listing json >wide
	expect_equal 512 "$(jq '.segments[0].nodes | length' wide)"
	grep -q '"1023":18446744073709551615' wide
}

test_lines_of_the_form_are_parsed()
{
	{
		made_up
		echo '24301 5 default N2=1024 kernelpagesize_kB=4'
		echo '0 7 shmbind=mostfree|soft:1-2 kernelpagesize_kB=2048 fallback=1 failed=0'
		echo '-2147483648 0 default kernelpagesize_kB=4'
		echo '1 2 default kernelpagesize_kB=4 later=x'
		echo '1 2 shmbind=stripe|hard:0 kernelpagesize_kB=4 fallback=1 failed=0 later=1'
	} >lines
	expect_equal 6 "$(listing parse <lines | grep -c good)"
}

test_broken_lines_are_not_parsed()
{
	cat >lines <<-'END'

	       key      shmid binding and resident pages by node
	1
	1 2
	1 2 default
	1 2 bound kernelpagesize_kB=4
	1 2 default kernelpagesize_kB=
	1 2 default kernelpagesize_kB=0
	1 2 default kernelpagesize_kB=4x
	1 2 default kernelpagesize_kB=4 more
	1 2 default kernelpagesize_kB=18446744073709551616
	1 -2 default kernelpagesize_kB=4
	2147483648 2 default kernelpagesize_kB=4
	-2147483649 2 default kernelpagesize_kB=4
	1 2147483648 default kernelpagesize_kB=4
	1 2 default N=1 kernelpagesize_kB=4
	1 2 default N1 kernelpagesize_kB=4
	1 2 default N1= kernelpagesize_kB=4
	1 2 default N1024=1 kernelpagesize_kB=4
	1 2 default N2=1 N1=1 kernelpagesize_kB=4
	1 2 default N1=1 N1=1 kernelpagesize_kB=4
	1 2 default N1=-1 kernelpagesize_kB=4
	1 2 default N1=1 fallback=0 failed=0
	1 2 shmbind=stripe|hard:0 kernelpagesize_kB=4
	1 2 shmbind=stripe|hard:0 kernelpagesize_kB=4 fallback=0
	1 2 shmbind=stripe|hard:0 kernelpagesize_kB=4 failed=0 fallback=0
	1 2 shmbind=stripe|hard: kernelpagesize_kB=4 fallback=0 failed=0
	1 2 shmbind=stripe|hard kernelpagesize_kB=4 fallback=0 failed=0
	1 2 shmbind=stripe|:0 kernelpagesize_kB=4 fallback=0 failed=0
	1 2 shmbind=|hard:0 kernelpagesize_kB=4 fallback=0 failed=0
	1 2 shmbind=stripe:0 kernelpagesize_kB=4 fallback=0 failed=0
	1 2 shmbind=other|hard:0 kernelpagesize_kB=4 fallback=0 failed=0
	1 2 shmbind=stripe|hard:1024 kernelpagesize_kB=4 fallback=0 failed=0
	1 2 shmbind=stripe|hard:2-1 kernelpagesize_kB=4 fallback=0 failed=0
	1 2 shmbind= kernelpagesize_kB=4 fallback=0 failed=0
	END
	expect_equal 'bad' "$(listing parse <lines | sort -u)"
	expect_equal "$(wc -l <lines)" "$(listing parse <lines | wc -l)"
}

# A policy of a later kernel: the other segments are listed.
test_list_reports_lines_that_it_cannot_read()
{
	new_segment 64K -p stripe
	new_segment 64K -p mostfree
	expect_status 0 shmbind list
	expect_error ''
	sed 's/stripe/later/' /proc/sysvipc/shmbind >listing
	expect_status 0 unshare -m sh -c \
		'mount --bind listing /proc/sysvipc/shmbind && exec shmbind list'
	expect_error_like '*: 1 lines of /proc/sysvipc/shmbind have another form *'
	expect_output_like "*mostfree*"
	! grep later out || fail "the line is shown"
}

#
# Memory errors. valgrind does not know system call 473.
#

checked()
{
	valgrind -q --leak-check=full --errors-for-leak-kinds=definite \
		--error-exitcode=99 "$@"
}

test_list_is_clean_under_valgrind()
{
	new_segment 16K -s hard -n 1-3
	expect_status 0 checked shmbind list --bars "$id"
	expect_error ''
}

test_json_is_clean_under_valgrind()
{
	new_segment 16K -s hard -n 1-3
	hold "$id"
	expect_status 0 checked shmbind list --json --processes
	expect_error ''
}

test_bad_nodes_are_clean_under_valgrind()
{
	expect_status 2 checked shmbind create 4M -n 9
}

test_missing_id_is_clean_under_valgrind()
{
	expect_status 1 checked shmbind list 99
}

test_many_segments_are_clean()
{
	for _ in 1 2 3 4 5; do
		new_segment 4K
		hold "$id"
	done
	expect_status 0 "$SANITIZED" list --processes
	expect_status 0 "$SANITIZED" list --processes "$id"
	expect_error ''
}

test_all_is_clean_with_sanitizers()
{
	expect_status 0 "$SANITIZED" create 16K -p stripe -n '!0'
	id=$(cat out)
	at_end remove_segment "$id"
	expect_status 0 "$SANITIZED" bind "$id" -n +1
	hold "$id"
	expect_status 1 "$SANITIZED" bind "$id"
	for option in '' --bars --json --processes '--json --processes'; do
		# shellcheck disable=SC2086 # it may be empty
		expect_status 0 "$SANITIZED" list $option
		expect_error ''
	done
}

main "$@"
