# SPDX-License-Identifier: GPL-2.0
# objects.mk - Print the objects that a kernel directory has in a configuration:
#   make -f bin/check/objects.mk srctree=... objtree=... dir=mm
include $(objtree)/include/config/auto.conf
include $(srctree)/$(dir)/Makefile

parts = $($(1:.o=-y)) $($(1:.o=-objs))
$(info $(foreach o,$(obj-y),$(addprefix $(dir)/,$(o) $(call parts,$(o)))))
all: ;
