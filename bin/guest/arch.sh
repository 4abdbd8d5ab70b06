# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced after lib.sh: what differs between architectures, chosen by ARCH. What
# differs between their nodes is in topology.py, and the features that tests find
# there are in qemu/features.
#
#   needs       what it needs in addition, in the form of bin/lib/needs
#   karch       what the kernel calls it
#   cross       prefix of the compiler and its tools
#   cc32        the compiler of 32-bit programs if `cross`gcc has no -m32, and
#   karch32     what the kernel calls their architecture
#   boot        the boot image, below the kernel's objects
#   machine     QEMU: its program, and the machine
#   cpu         its processor
#   threads     multi, or single if TCG cannot run its processors in parallel
#   serial      the device of the kernel's messages, and
#   console     what the kernel calls that
#   channel     the guest's device for results
#   words       more words on the kernel's command line
#   runner      runs a program of the guest on this machine, to list its tests
#   symbols     what to set besides qemu/kernel.config if it is only compiled

export ARCH=${ARCH:-x86_64}
needs='' cross='' cc32='' karch32='' boot='' machine='' channel=/dev/hvc0
threads=multi
runner='' words=''
symbols=()

case $ARCH in
x86_64)
	needs='guest qemu-system-x86 qemu-system-x86_64'
	karch=x86_64
	boot=arch/x86/boot/bzImage
	# With five levels of pages, KASAN reports the accesses of an interrupt that
	# comes while identify_cpu() has the features cleared.
	machine='qemu-system-x86_64 -machine q35' cpu='-cpu max,-la57'
	serial='-serial chardev:console' console=ttyS0
	# On a busy host, the first timer interrupts come too late for the check
	# of the IO-APIC, which then panics.
	words=no_timer_check
	;;
arm64)
	needs='
	kernel	gcc-aarch64-linux-gnu	aarch64-linux-gnu-gcc
	guest	libc6-dev-arm64-cross	aarch64-linux-gnu-gcc -static
	guest	gcc-arm-linux-gnueabihf	arm-linux-gnueabihf-gcc
	guest	libc6-dev-armhf-cross	arm-linux-gnueabihf-gcc -static
	guest	qemu-system-arm	qemu-system-aarch64
	guest	qemu-user	qemu-aarch64
	guest	bzip2		bzip2
	guest	apt		apt-get'
	karch=arm64 cross=aarch64-linux-gnu-
	cc32=arm-linux-gnueabihf-gcc karch32=arm
	boot=arch/arm64/boot/Image
	machine='qemu-system-aarch64 -machine virt' cpu='-cpu max'
	serial='-serial chardev:console' console=ttyAMA0
	runner=qemu-aarch64
	;;
ppc64)	# big-endian
	needs='
	kernel	gcc-powerpc64-linux-gnu	powerpc64-linux-gnu-gcc
	guest	libc6-dev-ppc64-cross	powerpc64-linux-gnu-gcc -static
	guest	gcc-powerpc-linux-gnu	powerpc-linux-gnu-gcc
	guest	libc6-dev-powerpc-cross	powerpc-linux-gnu-gcc -static
	guest	qemu-system-ppc	qemu-system-ppc64
	guest	qemu-user	qemu-ppc64
	guest	bzip2		bzip2
	guest	apt		apt-get'
	karch=powerpc cross=powerpc64-linux-gnu-
	cc32=powerpc-linux-gnu-gcc karch32=powerpc
	boot=vmlinux
	# TCG lacks these, and QEMU would refuse to start
	machine='qemu-system-ppc64 -machine pseries,cap-cfpc=broken'
	machine+=',cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off'
	# To set R and C in a radix PTE, QEMU stores the whole PTE as it has read it.
	# That undoes what another CPU has cleared in the meantime.
	cpu='-cpu power9' threads=single
	serial='-device spapr-vty,chardev=console' console=hvc0
	channel=/dev/hvc1 runner=qemu-ppc64
	;;
riscv64)
	needs='kernel gcc-riscv64-linux-gnu riscv64-linux-gnu-gcc'
	karch=riscv cross=riscv64-linux-gnu-
	symbols=(MMU=y)
	;;
s390x)
	needs='kernel gcc-s390x-linux-gnu s390x-linux-gnu-gcc'
	karch=s390 cross=s390x-linux-gnu-
	symbols=(SCHED_TOPOLOGY=y)
	;;
arm)
	needs='kernel gcc-arm-linux-gnueabihf arm-linux-gnueabihf-gcc'
	karch=arm cross=arm-linux-gnueabihf-
	symbols=(MMU=y ARCH_MULTIPLATFORM=y ARCH_MULTI_V7=y ARCH_VIRT=y)
	;;
i386)
	karch=i386
	;;
mips64)
	# a big-endian machine that has NUMA
	needs='kernel gcc-mips64-linux-gnuabi64 mips64-linux-gnuabi64-gcc'
	karch=mips cross=mips64-linux-gnuabi64-
	symbols=(SGI_IP27=y)
	;;
*)
	die "there is no ARCH=$ARCH" "bin/guest/arch.sh lists them"
	;;
esac

[[ $machine || ${0##*/} =~ ^(compile|deps)$ ]] ||
	die "ARCH=$ARCH is only compiled and has no guest" \
	    "bin/guest/arch.sh lists those that have one"
