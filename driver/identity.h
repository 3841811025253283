/* SPDX-License-Identifier: GPL-2.0-only */
/* Who opened a node. */
#ifndef _VTPM_IDENTITY_H
#define _VTPM_IDENTITY_H

#include <linux/pid.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/vtpm.h>

struct file;

/**
 * struct vtpm_identity - who opened a node, as of that moment
 * @pid: the process, holds a reference
 * @uid: effective user of the file's credentials
 * @gid: effective group of the file's credentials
 * @exe: device that holds the executable
 * @exe_inode: inode of the executable, 0 if there is none
 * @start_time: of the process, nanoseconds since boot
 * @cgroup: id in the version 2 hierarchy, 0 if there is none
 */
struct vtpm_identity {
	struct pid *pid;
	kuid_t uid;
	kgid_t gid;
	dev_t exe;
	u64 exe_inode;
	u64 start_time;
	u64 cgroup;
};

void vtpm_identity_init(struct vtpm_identity *identity, const struct file *file);
void vtpm_identity_done(struct vtpm_identity *identity);
void vtpm_identity_show(const struct vtpm_identity *identity, struct vtpm_opener *opener);

#endif /* _VTPM_IDENTITY_H */
