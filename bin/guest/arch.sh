# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced after lib.sh: what differs between the architectures, chosen by ARCH.
#
#   debian      its packages, beside those that all architectures need
#   karch       what the kernel calls it
#   cross       prefix of the compiler and its tools
#   cc32        compiler of 32-bit programs, where `cross`gcc has no -m32, and
#   karch32     what the kernel calls their architecture
#   boot        the boot image, below the kernel's objects
#   machine     QEMU: its program, and the machine
#   cpu         its processor
#   threads     multi, or single where its processors cannot run in parallel
#   serial      the device of the kernel's messages, and
#   console     what the kernel calls that
#   channel     the guest's device for results
#   runner      runs a program of the guest on this machine, to list its tests
#   symbols     of those that are only compiled: set beside qemu/kernel.config

export ARCH=${ARCH:-x86_64}
debian='' cross='' cc32='' karch32='' boot='' machine='' channel=/dev/hvc0
threads=multi
runner=''
symbols=()

case $ARCH in
x86_64)
	karch=x86_64
	boot=arch/x86/boot/bzImage
	# While identify_cpu() has the features cleared, KASAN takes an interrupt's
	# accesses for wild ones if pages have five levels.
	machine='qemu-system-x86_64 -machine q35' cpu='-cpu max,-la57'
	serial='-serial chardev:console' console=ttyS0
	;;
arm64)
	debian='gcc-aarch64-linux-gnu libc6-dev-arm64-cross
		gcc-arm-linux-gnueabihf libc6-dev-armhf-cross
		qemu-system-arm qemu-user bzip2'
	karch=arm64 cross=aarch64-linux-gnu-
	cc32=arm-linux-gnueabihf-gcc karch32=arm
	boot=arch/arm64/boot/Image
	machine='qemu-system-aarch64 -machine virt' cpu='-cpu max'
	serial='-serial chardev:console' console=ttyAMA0
	runner=qemu-aarch64
	;;
ppc64)	# big-endian
	debian='gcc-powerpc64-linux-gnu libc6-dev-ppc64-cross
		gcc-powerpc-linux-gnu libc6-dev-powerpc-cross
		qemu-system-ppc qemu-user bzip2'
	karch=powerpc cross=powerpc64-linux-gnu-
	cc32=powerpc-linux-gnu-gcc karch32=powerpc
	boot=vmlinux
	# what TCG cannot do, and would refuse to start for want of
	machine='qemu-system-ppc64 -machine pseries,cap-cfpc=broken'
	machine+=',cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off'
	# QEMU sets R and C in a radix PTE by storing all of it, as it was read a
	# moment before: what another CPU has cleared since then comes back.
	cpu='-cpu power9' threads=single
	serial='-device spapr-vty,chardev=console' console=hvc0
	channel=/dev/hvc1 runner=qemu-ppc64
	;;
riscv64)
	debian=gcc-riscv64-linux-gnu
	karch=riscv cross=riscv64-linux-gnu-
	symbols=(MMU=y)
	;;
s390x)
	debian=gcc-s390x-linux-gnu
	karch=s390 cross=s390x-linux-gnu-
	symbols=(SCHED_TOPOLOGY=y)
	;;
arm)
	debian=gcc-arm-linux-gnueabihf
	karch=arm cross=arm-linux-gnueabihf-
	symbols=(MMU=y ARCH_MULTIPLATFORM=y ARCH_MULTI_V7=y ARCH_VIRT=y)
	;;
i386)
	karch=i386
	;;
mips64)
	# of the machines with NUMA, a big-endian one
	debian=gcc-mips64-linux-gnuabi64
	karch=mips cross=mips64-linux-gnuabi64-
	symbols=(SGI_IP27=y)
	;;
*)
	die "there is no ARCH=$ARCH" "bin/guest/arch.sh has them all"
	;;
esac

[[ $machine || ${0##*/} =~ ^(compile|deps)$ ]] ||
	die "ARCH=$ARCH is only compiled, it has no guest" \
	    "bin/guest/arch.sh says which have one"
