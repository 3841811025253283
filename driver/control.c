// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control node: two ABIs, one dispatch table, no state of its own.
 *
 * VTPM_PROXY_IOC_NEW_DEV is mainline's, byte for byte, and asks for CAP_SYS_ADMIN
 * at the call. The VTPM_IOC_* calls take structures that grow (size first); they
 * ask for CAP_SYS_ADMIN at the open, so that a manager may open the node, drop
 * its capabilities, and go on.
 */
#define pr_fmt(fmt) "vtpm: " fmt

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>
#include <linux/vtpm_proxy.h>

#include "argument.h"
#include "chip.h"
#include "control.h"
#include "limit.h"
#include "node.h"
#include "server.h"

static char *control_name = "vtpmx";
module_param(control_name, charp, 0444);
MODULE_PARM_DESC(control_name, "name of the control node (default vtpmx)");

/* The ABI, frozen: 64 and 32 bit alike. */
static_assert(sizeof(struct vtpm_create) == 128);
static_assert(sizeof(struct vtpm_destroy) == 72);
static_assert(sizeof(struct vtpm_attach) == 88);
static_assert(sizeof(struct vtpm_detach) == 72);
static_assert(sizeof(struct vtpm_info) == 216);
static_assert(sizeof(struct vtpm_list) == 32);
static_assert(sizeof(struct vtpm_list_entry) == 88);
static_assert(sizeof(struct vtpm_tell) == 104);
static_assert(sizeof(struct vtpm_exchange) == 32);
static_assert(sizeof(struct vtpm_frame) == 32);
static_assert(sizeof(struct vtpm_opener) == 48);
static_assert(sizeof(struct vtpm_answer) == 16);
static_assert(sizeof(struct vtpm_question) == 80);
static_assert(offsetof(struct vtpm_create, front_end) == 88);
static_assert(offsetof(struct vtpm_attach, instance) == 72);
static_assert(offsetof(struct vtpm_info, instance) == 152);
static_assert(offsetof(struct vtpm_tell, proof) == 88);
static_assert(offsetof(struct vtpm_frame, id) == 16);
static_assert(offsetof(struct vtpm_question, nonce) == 16);
static_assert(offsetof(struct vtpm_opener, start_time) == 24);

/* Every argument, as it lies in the kernel's copy. */
union control_arg {
	struct vtpm_create create;
	struct vtpm_destroy destroy;
	struct vtpm_attach attach;
	struct vtpm_detach detach;
	struct vtpm_info info;
	struct vtpm_list list;
	struct vtpm_tell tell;
};

/**
 * struct control_call - what a handler works on
 * @arg: the kernel's copy, zeroed beyond what the caller passed
 * @user: the caller's
 * @size: bytes that the caller's has
 * @known: bytes of the structure as known here
 */
struct control_call {
	union control_arg arg;
	void __user *user;
	u32 size;
	u32 known;
};

static int copy_out(const struct control_call *call)
{
	return vtpm_argument_put(&call->arg, call->known, call->size, call->user);
}

static bool is_name(const char *name)
{
	size_t length = strnlen(name, VTPM_NAME_SIZE);
	size_t i;

	if (!length || length == VTPM_NAME_SIZE || name[0] == '.' || name[0] == '-')
		return false;
	for (i = 0; i < length; i++)
		if (!(isascii(name[i]) && isalnum(name[i])) && !strchr("._-", name[i]))
			return false;
	return true;
}

static int find_device(const char *name, struct vtpm_device **ret_device)
{
	struct vtpm_device *device;

	if (!is_name(name))
		return -EINVAL;
	device = vtpm_device_get(name);
	if (!device)
		return -ENOENT;
	*ret_device = device;
	return 0;
}

static int check_create(const struct vtpm_create *create, kuid_t uid, kgid_t gid)
{
	uuid_t uuid;

	import_uuid(&uuid, create->uuid);
	if (!is_name(create->name) || uuid_is_null(&uuid) || create->__reserved)
		return -EINVAL;
	if (!strncmp(create->name, VTPM_PROXY_PREFIX, strlen(VTPM_PROXY_PREFIX)))
		return -EINVAL;
	if (create->mode & ~0777 || !uid_valid(uid) || !gid_valid(gid))
		return -EINVAL;
	if (create->detached_ms > VTPM_LIMIT_MS || create->running_ms > VTPM_LIMIT_MS)
		return -EINVAL;

	switch (create->front_end) {
	case VTPM_FRONT_END_DEVICE:
		return create->flags ? -EINVAL : 0;
	case VTPM_FRONT_END_CHIP:
		if (create->uid || create->gid || create->mode)
			return -EINVAL;
		return vtpm_chip_allowed(create->flags) ? 0 : -ENXIO;
	}
	return -EINVAL;
}

static int control_create(struct control_call *call)
{
	struct vtpm_create *create = &call->arg.create;
	kuid_t uid = make_kuid(current_user_ns(), create->uid);
	kgid_t gid = make_kgid(current_user_ns(), create->gid);
	bool chip = create->front_end == VTPM_FRONT_END_CHIP;
	struct vtpm_device *device;
	int rc;

	rc = check_create(create, uid, gid);
	if (rc)
		return rc;
	device = vtpm_device_new(create, chip ? &vtpm_chip_ops : &vtpm_node_ops, uid, gid);
	if (IS_ERR(device))
		return PTR_ERR(device);

	rc = vtpm_device_add(device);
	if (!rc) {
		create->index = device->index;
		create->major = MAJOR(device->devt);
		create->minor = MINOR(device->devt);
		rc = copy_out(call);
		if (rc)
			vtpm_device_destroy(device);
	}
	vtpm_device_put(device);
	return rc;
}

static int control_destroy(struct control_call *call)
{
	struct vtpm_device *device;
	int rc;

	rc = find_device(call->arg.destroy.name, &device);
	if (rc)
		return rc;
	rc = vtpm_device_destroy(device);
	vtpm_device_put(device);
	return rc;
}

static u64 random_instance(void)
{
	u64 instance;

	do {
		instance = get_random_u64();
	} while (!instance);
	return instance;
}

/* The answer is copied out first: what fails after the attach could not be undone. */
static int attach(struct control_call *call, struct vtpm_device *device)
{
	struct vtpm_attach *arg = &call->arg.attach;
	struct vtpm_server *server;
	struct file *file;
	int fd, rc;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	server = vtpm_server_new(device, false, &file);
	if (IS_ERR(server)) {
		rc = PTR_ERR(server);
		goto err_fd;
	}
	if (arg->flags & VTPM_ATTACH_RESET)
		arg->instance = random_instance();
	arg->fd = fd;
	rc = copy_out(call);
	if (!rc)
		rc = vtpm_server_attach(server, arg->flags, arg->instance);
	if (rc)
		goto err_file;
	fd_install(fd, file);
	return 0;

err_file:
	fput(file);
err_fd:
	put_unused_fd(fd);
	return rc;
}

static int control_attach(struct control_call *call)
{
	const struct vtpm_attach *arg = &call->arg.attach;
	bool reset = arg->flags & VTPM_ATTACH_RESET;
	bool resume = arg->flags & VTPM_ATTACH_RESUME;
	struct vtpm_device *device;
	int rc;

	if (reset == resume || arg->__reserved)
		return -EINVAL;
	rc = find_device(arg->name, &device);
	if (rc)
		return rc;
	rc = device->create_flags & VTPM_INFO_PROXY ? -EBUSY : attach(call, device);
	vtpm_device_put(device);
	return rc;
}

static int control_detach(struct control_call *call)
{
	struct vtpm_device *device;
	int rc;

	rc = find_device(call->arg.detach.name, &device);
	if (rc)
		return rc;
	if (!vtpm_device_detach(device, NULL))
		rc = -ENOTCONN;
	else if (device->create_flags & VTPM_INFO_PROXY)
		vtpm_device_destroy(device);
	vtpm_device_put(device);
	return rc;
}

static int control_info(struct control_call *call)
{
	struct vtpm_device *device;
	int rc;

	rc = find_device(call->arg.info.name, &device);
	if (rc)
		return rc;
	vtpm_device_info(device, &call->arg.info);
	vtpm_device_put(device);
	return copy_out(call);
}

static int control_list(struct control_call *call)
{
	struct vtpm_list *list = &call->arg.list;
	struct vtpm_list_entry *entries;
	int rc = 0;

	if (!list->count || list->count > VTPM_LIMIT_LIST || list->__reserved)
		return -EINVAL;
	entries = kvcalloc(list->count, sizeof(*entries), GFP_KERNEL_ACCOUNT);
	if (!entries)
		return -ENOMEM;
	list->count = vtpm_device_list(list->cursor, entries, list->count);
	if (list->count)
		list->cursor = entries[list->count - 1].serial;
	if (copy_to_user(u64_to_user_ptr(list->entries), entries, list->count * sizeof(*entries)))
		rc = -EFAULT;
	kvfree(entries);
	return rc ?: copy_out(call);
}

/* Why may there be no proof? Each has its sentence at struct vtpm_proof. */
static bool is_tellable(u32 error)
{
	switch (error) {
	case ENOENT:
	case ENODEV:
	case EBUSY:
	case EIO:
	case ENOKEY:
	case ECANCELED:
	case EHOSTDOWN:
		return true;
	}
	return false;
}

static int control_tell(struct control_call *call)
{
	const struct vtpm_tell *tell = &call->arg.tell;
	struct vtpm_device *device;
	u8 *proof = NULL;
	int rc;

	if (!tell->proof != !tell->length || tell->length > VTPM_PROOF_SIZE)
		return -EINVAL;
	if (tell->error ? tell->proof || !is_tellable(tell->error) : !tell->proof || !tell->id)
		return -EINVAL;
	if (tell->proof) {
		proof = vmemdup_user(u64_to_user_ptr(tell->proof), tell->length);
		if (IS_ERR(proof))
			return PTR_ERR(proof);
	}
	rc = find_device(tell->name, &device);
	if (!rc) {
		rc = vtpm_device_tell(device, tell, proof);
		vtpm_device_put(device);
	}
	kvfree(proof);
	return rc;
}

/* min is the size of the first version of a structure; it never changes. */
#define CALL(ioctl, member, first_size, allowed, handler)			\
	[_IOC_NR(ioctl) - VTPM_CMD_CREATE] = {					\
		.cmd = ioctl,							\
		.min = first_size,						\
		.known = sizeof(((union control_arg *)0)->member),		\
		.flags = allowed,						\
		.fn = handler,							\
	}

static const struct {
	unsigned int cmd;
	u32 min;
	u32 known;
	u32 flags;
	int (*fn)(struct control_call *call);
} calls[] = {
	CALL(VTPM_IOC_CREATE, create, 128, VTPM_CREATE_HWRNG | VTPM_CREATE_ALLOW_DEFAULT,
	     control_create),
	CALL(VTPM_IOC_DESTROY, destroy, 72, 0, control_destroy),
	CALL(VTPM_IOC_ATTACH, attach, 88,
	     VTPM_ATTACH_RESET | VTPM_ATTACH_RESUME | VTPM_ATTACH_JOURNALS | VTPM_ATTACH_ASKS,
	     control_attach),
	CALL(VTPM_IOC_DETACH, detach, 72, 0, control_detach),
	CALL(VTPM_IOC_INFO, info, 216, 0, control_info),
	CALL(VTPM_IOC_LIST, list, 32, 0, control_list),
	CALL(VTPM_IOC_TELL, tell, 104, 0, control_tell),
};

static int dispatch(unsigned int index, void __user *user)
{
	struct control_call call = { .user = user, .known = calls[index].known };
	int rc;

	rc = vtpm_argument_get(&call.arg, call.known, calls[index].min, calls[index].flags, user);
	if (rc < 0)
		return rc;
	call.size = rc;
	return calls[index].fn(&call);
}

/* What mainline's caller gets: a chip that lives as long as the returned file. */
static int new_proxy(struct vtpm_proxy_new_dev *new, struct file **ret_file)
{
	struct vtpm_create create = { .flags = VTPM_INFO_PROXY };
	struct vtpm_device *device;
	struct vtpm_server *server;
	int rc;

	device = vtpm_device_new(&create, &vtpm_chip_ops, GLOBAL_ROOT_UID, GLOBAL_ROOT_GID);
	if (IS_ERR(device))
		return PTR_ERR(device);

	rc = vtpm_device_add(device);
	if (rc)
		goto out;
	rc = vtpm_chip_numbers(device, new);
	if (rc)
		goto out;
	server = vtpm_server_new(device, true, ret_file);
	if (IS_ERR(server)) {
		rc = PTR_ERR(server);
		vtpm_device_destroy(device);
		goto out;
	}
	rc = vtpm_server_attach(server, VTPM_ATTACH_RESET, random_instance());
	if (rc)
		fput(*ret_file);
out:
	vtpm_device_put(device);
	return rc;
}

static int control_new_proxy(struct vtpm_proxy_new_dev __user *user)
{
	struct vtpm_proxy_new_dev new;
	struct file *file;
	int fd, rc;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&new, user, sizeof(new)))
		return -EFAULT;
	if (new.flags & ~VTPM_PROXY_FLAG_TPM2)
		return -EOPNOTSUPP;

	/* Mainline's file is inherited over exec. */
	fd = get_unused_fd_flags(O_RDWR);
	if (fd < 0)
		return fd;
	rc = new_proxy(&new, &file);
	if (rc)
		goto err_fd;
	new.fd = fd;
	if (copy_to_user(user, &new, sizeof(new))) {
		fput(file);
		rc = -EFAULT;
		goto err_fd;
	}
	fd_install(fd, file);
	return 0;

err_fd:
	put_unused_fd(fd);
	return rc;
}

static long control_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	unsigned int index = _IOC_NR(cmd) - VTPM_CMD_CREATE;

	if (cmd == VTPM_PROXY_IOC_NEW_DEV)
		return control_new_proxy((void __user *)arg);
	if (index >= ARRAY_SIZE(calls) || calls[index].cmd != cmd)
		return -ENOTTY;
	if (!file_ns_capable(file, &init_user_ns, CAP_SYS_ADMIN))
		return -EPERM;
	return dispatch(index, (void __user *)arg);
}

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.unlocked_ioctl = control_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice control_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.fops = &control_fops,
	.mode = 0600,
};

/* misc_register() would say it with a stack trace. */
static bool is_name_taken(const char *name)
{
	char path[sizeof("/sys/class/misc/") + VTPM_NAME_SIZE];
	struct path found;

	snprintf(path, sizeof(path), "/sys/class/misc/%s", name);
	if (kern_path(path, 0, &found))
		return false;
	path_put(&found);
	return true;
}

/**
 * vtpm_control_init() - make the control node
 *
 * Return: 0, -EINVAL for a bad name, -EEXIST for one that is taken, or what
 * misc_register() says.
 */
int vtpm_control_init(void)
{
	if (!is_name(control_name)) {
		pr_err("control_name=%s is no file name: use letters, digits, '.', '_', '-'\n",
		       control_name);
		return -EINVAL;
	}
	if (is_name_taken(control_name)) {
		pr_err("/dev/%s exists already: unload the module that made it (tpm_vtpm_proxy?) or load this one with control_name=OTHER\n",
		       control_name);
		return -EEXIST;
	}
	control_device.name = control_name;
	return misc_register(&control_device);
}

/**
 * vtpm_control_exit() - remove the control node
 */
void vtpm_control_exit(void)
{
	misc_deregister(&control_device);
}
