#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests of shmbind check. The guest has four nodes.
# shellcheck disable=SC2154 # lib.sh sets $id
. "$(dirname "$0")/lib.sh"

# settings - The settings that the last `shmbind check` has printed.
settings()
{
	grep '^sysctl \|^echo ' out || :
}

# apply - Paste them into a shell.
apply()
{
	settings >pasted
	[ -s pasted ] || fail "no settings: $(cat out)"
	sh -eu pasted >/dev/null
}

# row NODE - Its row of the table.
row()
{
	awk -v node="$1" '$1 == node { $1 = $1; print }' out
}

# with_files PROGRAM... - Run it with the files here, meminfo of node 1, and zoneinfo
# and the weights of nodes, in place of the kernel's.
with_files()
{
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare -m sh -c '
		nodes=$0
		bind() { [ ! -f "$1" ] || mount --bind "$1" "$2"; }
		bind meminfo "$nodes/node1/meminfo"
		bind zoneinfo /proc/zoneinfo
		weights=/sys/kernel/mm/mempolicy/weighted_interleave
		for file in weight*; do
			bind "$file" "$weights/node${file#weight}"
		done
		exec "$@"' "$nodes" "$@"
}

# known_supply - Make files by which node 1 has 4 MiB for a segment: 1 MiB free and
# 4 MiB that can be taken back, less 1 MiB in two zones that only the kernel may use.
known_supply()
{
	cat >meminfo <<-'END'
		Node 1 MemTotal:         163840 kB
		Node 1 MemFree:            1024 kB
		Node 1 Active(file):       2048 kB
		Node 1 Inactive(file):     1024 kB
		Node 1 SReclaimable:       1024 kB
	END
	cat >zoneinfo <<-'END'
		Node 0, zone   Normal
		  pages free     5000
		        min      77
		Node 1, zone    DMA32
		  pages free     100
		        min      56
		Node 1, zone   Normal
		  pages free     156
		        min      200
	END
}

test_supply_is_free_memory_and_file_cache()
{
	known_supply
	expect_status 0 with_files shmbind check 4M -s hard -n 1
	expect_equal 1024 "$(row 1 | awk '{ print $3 }')" 'the supply'
}

test_exactly_enough_fits()
{
	known_supply
	expect_status 0 with_files shmbind check 4M -s hard -n 1
	row 1 | grep -q ' fits$'
	expect_status 1 with_files shmbind check 4097K -s hard -n 1
	row 1 | grep -q ' is short of 1$'
}

test_part_of_a_page_counts()
{
	expect_status 0 shmbind check 4097
	grep -q ': 2 pages of 4K$' out
}

test_small_segment_fits()
{
	expect_status 0 shmbind check 4M
	expect_output_like '4M, firstref|soft:0-3: 1024 pages of 4K
NODE *
fits'
	expect_error ''
}

test_table_has_at_most_80_columns()
{
	set_pool 1 2048 2
	for options in '4M' '64M --huge' '999T -s mask'; do
		# shellcheck disable=SC2086 # they are options
		shmbind check $options -p stripe -n 1-3 >out || [ $? = 1 ]
		grep '^NODE\|^ *[0-9]' out |
			awk 'length > 80 { print; bad = 1 } END { exit bad }'
	done
}

test_check_leaves_no_segment()
{
	expect_status 0 shmbind check 4M -s hard -n 1
	expect_no_segment
}

test_stripe_hard_needs_a_share_of_each_node()
{
	expect_status 0 shmbind check 4M -p stripe -s hard -n 1-3
	for node in 1 2 3; do
		expect_equal 342 "$(row $node | awk '{ print $4 }')" "node $node"
	done
	expect_equal '- not in the mask' \
		"$(row 0 | cut -d ' ' -f 4-)" 'node 0'
	grep -q '^rule: stripe, hard: ' out
}

test_stripe_hard_names_the_short_node()
{
	expect_status 1 shmbind check 900M -p stripe -s hard -n 1-3
	grep -q '^does not fit: node 1 needs 76800 pages of 4K' out
	row 1 | grep -q 'is short of [0-9]*$'
}

test_mostfree_hard_needs_the_sum()
{
	expect_status 0 shmbind check 40M -p mostfree -s hard -n 1-3
	grep -q '^rule: mostfree, hard: ' out
	expect_equal 'counts in the sum' "$(row 1 | cut -d ' ' -f 5-)"
}

test_firstref_hard_needs_the_sum()
{
	expect_status 0 shmbind check 40M -s hard -n 1-3
	grep -q '^rule: firstref, hard: ' out
	expect_equal 'counts in the sum' "$(row 1 | cut -d ' ' -f 5-)"
}

# The file of each weight is closed at once.
test_weighted_hard_needs_shares_by_weight()
{
	echo 5 >weight1
	echo 2 >weight2
	echo 1 >weight3
	expect_status 0 with_files sh -c 'ulimit -n 6 &&
		exec shmbind check 4M -p weighted -s hard -n 1-3'
	expect_equal '640 256 128' \
		"$(for node in 1 2 3; do row $node; done |
			awk '{ print $4 }' | xargs)" 'the need'
}

test_mask_needs_the_sum()
{
	expect_status 0 shmbind check 200M -p stripe -s mask -n 1-3
	grep -q '^rule: mask: ' out
	expect_equal 'counts in the sum' "$(row 1 | cut -d ' ' -f 5-)"
	expect_status 1 shmbind check 900M -p stripe -s mask -n 1-3
	grep -q '^does not fit: the segment needs ' out
}

test_one_hard_node_needs_all()
{
	expect_status 0 shmbind check 40M -s hard -n 2
	expect_equal 10240 "$(row 2 | awk '{ print $4 }')"
	expect_status 1 shmbind check 300M -s hard -n 2
}

test_soft_may_use_the_whole_machine()
{
	expect_status 0 shmbind check 200M -n 2
	grep -q '^rule: soft: ' out
}

test_check_agrees_with_a_full_node()
{
	fill_node 3
	expect_status 1 shmbind check 40M -s hard -n 3
	expect_status 0 shmbind check 40M -s hard -n 2
}

test_check_reports_the_cpuset()
{
	new_cpuset checked 0-1
	expect_status 1 in_cpuset checked shmbind check 4M -s hard -n 1-2
	grep -q '^cannot be bound: node 2 is outside the cpuset$' out
	row 2 | grep -q 'is outside the cpuset$'
	expect_equal 1024 "$(row 1 | awk '{ print $4 }')" 'the need of node 1'
}

test_check_reports_reserved_pages()
{
	set_pool 1 2048 4
	new_segment 4M --huge -n 1
	expect_status 0 shmbind check 4M --huge -n 1
	grep -q '^reserved: 2 huge pages of the pools, for other segments and mappings$' out
	expect_status 1 shmbind check 6M --huge -n 1
}

test_check_shows_the_pools()
{
	set_pool 1 2048 3
	expect_status 0 shmbind check 4M --huge -s hard -n 1
	expect_equal 3/3 "$(row 1 | awk '{ print $3 }')"
}

test_pages_have_the_size_that_is_asked_for()
{
	expect_status 1 shmbind check 1G --huge=1G -s hard -n 1
	grep -q ': 1 pages of 1G$' out
}

test_used_huge_pages_are_not_free()
{
	set_pool 1 2048 4
	new_segment 4M --huge -s hard -n 1
	expect_status 0 touch-pages "$id"
	expect_status 1 shmbind check 6M --huge -s hard -n 1
	expect_equal 2/4 "$(row 1 | awk '{ print $3 }')" 'the pool'
	row 1 | grep -q ' is short of 1$'
}

# The kernel does not choose it, so the other node must have room for all pages.
test_node_without_a_pool_is_not_a_candidate()
{
	set_pool 1 2048 4
	set_pool 2 2048 0
	expect_status 0 shmbind check 8M --huge -p stripe -s hard -n 1-2
	row 2 | grep -q ' has no pool$'
	new_segment 8M --huge -p stripe -s hard -n 1-2
	expect_status 0 touch-pages "$id"
}

#
# Surplus pages, which the kernel makes when a pool has no free page.
#

# set_surplus PAGES - How many it may make, on all nodes together.
set_surplus()
{
	set_file /sys/kernel/mm/hugepages/hugepages-2048kB/nr_overcommit_hugepages \
		"$1"
}

test_surplus_pages_count()
{
	set_surplus 2
	expect_status 0 shmbind check 4M --huge -s hard -n 1
	expect_status 1 shmbind check 6M --huge -s hard -n 1
}

test_surplus_pages_are_shared_by_nodes()
{
	set_surplus 2
	expect_status 1 shmbind check 8M --huge -s mask -n 1-2
	grep -q '^does not fit: the segment needs 4 pages of 2M ' out
}

test_surplus_pages_need_free_memory()
{
	set_surplus 1000
	expect_status 1 shmbind check 1G --huge -s hard -n 1
	[ "$(row 1 | awk '{ print $4 }')" -lt 100 ] || fail "$(cat out)"
}

test_surplus_pages_are_made_once()
{
	set_surplus 2
	new_segment 4M --huge -s hard -n 1
	expect_status 1 shmbind check 4M --huge -s hard -n 2
}

test_settings_for_pools_can_be_pasted()
{
	for node in 0 1 2 3; do
		set_pool $node 2048 0
	done
	for options in '-s hard -n 1' '-p stripe -s hard -n 1-3' \
		'-p stripe -s mask -n 1,3' '-n 2-3' '-p weighted -s hard'; do
		# shellcheck disable=SC2086 # they are options
		expect_status 1 shmbind check 14M --huge $options
		apply
		# shellcheck disable=SC2086 # they are options
		expect_status 0 shmbind check 14M --huge $options
		# shellcheck disable=SC2086 # they are options
		new_segment 14M --huge $options
		expect_status 0 touch-pages "$id"
		remove_segment "$id"
		for node in 0 1 2 3; do
			set_pool $node 2048 0
		done
	done
}

test_settings_for_reserved_pools_suffice()
{
	for node in 1 2; do
		set_pool $node 2048 2
	done
	new_segment 8M --huge -n 1-2
	expect_status 1 shmbind check 8M --huge -p stripe -s hard -n 1-2
	expect_equal 2 "$(settings | grep -c '^echo 4 ')" 'the pools of 4'
	apply
	expect_status 0 shmbind check 8M --huge -p stripe -s hard -n 1-2
}

test_setting_of_shmmax_can_be_pasted()
{
	set_file /proc/sys/kernel/shmmax 1048576
	expect_status 1 shmbind check 4M
	expect_equal 'sysctl -w kernel.shmmax=4194304' "$(settings)"
	apply
	expect_status 0 shmbind check 4M
}

test_segment_of_shmmax_fits()
{
	set_file /proc/sys/kernel/shmmax 4194304
	expect_status 0 shmbind check 4M
	new_segment 4M
}

test_setting_of_shmall_can_be_pasted()
{
	new_segment 4K
	set_file /proc/sys/kernel/shmall 100
	expect_status 1 shmbind check 4M
	expect_equal 'sysctl -w kernel.shmall=1025' "$(settings)"
	apply
	expect_status 0 shmbind check 4M
	new_segment 4M
}

test_setting_of_shmmni_can_be_pasted()
{
	new_segment 4K
	set_file /proc/sys/kernel/shmmni 1
	expect_status 1 shmbind check 4M
	expect_equal 'sysctl -w kernel.shmmni=2' "$(settings)"
	apply
	expect_status 0 shmbind check 4M
	new_segment 4M
}

test_setting_of_the_group_can_be_pasted()
{
	set_pool 1 2048 2
	set_file /proc/sys/vm/hugetlb_shm_group 0
	expect_status 0 shmbind check 4M --huge -n 1
	expect_status 1 as-user 65534 shmbind check 4M --huge -n 1
	expect_equal 'sysctl -w vm.hugetlb_shm_group=65534' "$(settings)"
	apply
	expect_status 0 as-user 65534 shmbind check 4M --huge -n 1
}

test_group_does_not_matter_without_huge()
{
	expect_status 0 as-user 65534 shmbind check 4M -n 1
}

test_check_needs_a_size()
{
	expect_refusal 2 '*: SIZE is missing; see shmbind check --help' \
		shmbind check
	expect_refusal 2 "*: SIZE 'x': not a size; expected *" shmbind check x
}

test_check_is_clean_under_valgrind()
{
	expect_status 1 valgrind -q --leak-check=full --error-exitcode=99 \
		--errors-for-leak-kinds=definite \
		shmbind check 4M --huge=2M -p stripe -s hard -n 1-3
	expect_error ''
}

main "$@"
