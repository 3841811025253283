// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who opened a node: taken once, at open(), from the file's credentials and the
 * opening process, shown to each server in the server's own namespaces.
 *
 * A passed file keeps its opener's identity: a server that grants by identity
 * grants to whoever the opener trusts with the file.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/mm_types.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/user_namespace.h>

#include "identity.h"

static u64 cgroup_of(struct task_struct *task)
{
	u64 id = 0;

#ifdef CONFIG_CGROUPS
	rcu_read_lock();
	id = cgroup_id(task_dfl_cgroup(task));
	rcu_read_unlock();
#endif
	return id;
}

/* The file may be replaced meanwhile (prctl), but it and its inode are freed by RCU. */
static void exe_of(struct mm_struct *mm, struct vtpm_identity *identity)
{
	struct inode *inode;
	struct file *exe;

	rcu_read_lock();
	exe = mm ? rcu_dereference(mm->exe_file) : NULL;
	inode = exe ? READ_ONCE(exe->f_inode) : NULL;
	if (inode) {
		identity->exe = inode->i_sb->s_dev;
		identity->exe_inode = inode->i_ino;
	}
	rcu_read_unlock();
}

/**
 * vtpm_identity_init() - take the identity of the current process
 * @identity: filled
 * @file: that it opens
 */
void vtpm_identity_init(struct vtpm_identity *identity, const struct file *file)
{
	memset(identity, 0, sizeof(*identity));
	identity->pid = get_pid(task_tgid(current));
	identity->uid = file->f_cred->euid;
	identity->gid = file->f_cred->egid;
	identity->start_time = current->group_leader->start_boottime;
	identity->cgroup = cgroup_of(current);
	exe_of(current->mm, identity);
}

/**
 * vtpm_identity_done() - give back what an identity holds
 * @identity: from vtpm_identity_init()
 */
void vtpm_identity_done(struct vtpm_identity *identity)
{
	put_pid(identity->pid);
	identity->pid = NULL;
}

/**
 * vtpm_identity_show() - write an identity as the current process may see it
 * @identity: to write
 * @opener: where to
 *
 * Does not sleep.
 */
void vtpm_identity_show(const struct vtpm_identity *identity, struct vtpm_opener *opener)
{
	*opener = (struct vtpm_opener){
		.pid = pid_vnr(identity->pid),
		.uid = from_kuid_munged(current_user_ns(), identity->uid),
		.gid = from_kgid_munged(current_user_ns(), identity->gid),
		.exe_major = MAJOR(identity->exe),
		.exe_minor = MINOR(identity->exe),
		.start_time = identity->start_time,
		.cgroup = identity->cgroup,
		.exe_inode = identity->exe_inode,
	};
}
