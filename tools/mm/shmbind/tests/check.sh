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
		shmbind check 4M --huge -p stripe -s hard -n 1-3
	expect_error ''
}

main "$@"
