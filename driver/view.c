// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device in sysfs: the class "vtpm", its attributes and uevents.
 *
 * Each node of a device is a member of the class, whether or not it is open; a device
 * that is a chip has one member, without a node. A view holds a reference to the
 * device; what it shows is read when somebody looks.
 *
 * What a device is, everybody may read: udev spreads its name anyway. What is done with
 * it (who has it open, how busy it is) is the owner's, and the group's where that may read
 * the node: the files of the raw node.
 */
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/sysfs.h>

#include "compat.h"
#include "identity.h"
#include "view.h"

static struct vtpm_view *view_of(const struct device *dev)
{
	return container_of(dev, struct vtpm_view, dev);
}

static char *view_devnode(vtpm_const_device *dev, umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	const struct vtpm_device *device = view_of(dev)->device;

	/* A removal only asks for the name. */
	if (mode)
		*mode = device->mode;
	if (uid)
		*uid = device->uid;
	if (gid)
		*gid = device->gid;
	return NULL;
}

static const char *state_name(u32 state)
{
	switch (state) {
	case VTPM_STATE_NEW:
		return "new";
	case VTPM_STATE_ATTACHED:
		return "attached";
	}
	return "detached";
}

static const char *kind_name(u8 kind)
{
	switch (kind) {
	case VTPM_NODE_RAW:
		return "raw";
	case VTPM_NODE_RM:
		return "rm";
	}
	return "chip";
}

/* For udev: /dev/vtpm/by-name/ and by-uuid/. */
static int view_uevent(vtpm_const_device *dev, struct kobj_uevent_env *env)
{
	const struct vtpm_view *view = view_of(dev);
	const struct vtpm_device *device = view->device;

	return add_uevent_var(env, "VTPM_NAME=%s", device->name) ?:
	       add_uevent_var(env, "VTPM_UUID=%pU", &device->uuid) ?:
	       add_uevent_var(env, "VTPM_NODE=%s", kind_name(view->kind)) ?:
	       add_uevent_var(env, "VTPM_STATE=%s", state_name(READ_ONCE(device->state)));
}

static ssize_t name_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", view_of(dev)->device->name);
}
static DEVICE_ATTR_RO(name);

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%pU\n", &view_of(dev)->device->uuid);
}
static DEVICE_ATTR_RO(uuid);

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", state_name(READ_ONCE(view_of(dev)->device->state)));
}
static DEVICE_ATTR_RO(state);

static ssize_t front_end_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	bool chip = view_of(dev)->kind == VTPM_NODE_CHIP;

	return sysfs_emit(buf, "%s\n", chip ? "chip" : "device");
}
static DEVICE_ATTR_RO(front_end);

/* For QEMU's cancel-path: whatever is written, the raw node's command is withdrawn. */
static ssize_t cancel_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	vtpm_queue_withdraw(&view_of(dev)->device->queue, VTPM_NODE_RAW);
	return count;
}
static DEVICE_ATTR_WO(cancel);

/* Process and user that opened the raw node, as the reader may see them. */
static ssize_t opener_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct vtpm_device *device = view_of(dev)->device;
	const struct vtpm_client *client;
	struct vtpm_opener opener;
	ssize_t size = 0;

	mutex_lock(&device->lock);
	list_for_each_entry(client, &device->clients, node) {
		if (client->open->origin != VTPM_NODE_RAW)
			continue;
		vtpm_identity_show((const struct vtpm_identity *)client->open->data, &opener);
		size = sysfs_emit(buf, "%u %u\n", opener.pid, opener.uid);
	}
	mutex_unlock(&device->lock);
	return size;
}
static DEVICE_ATTR(opener, 0440, opener_show, NULL);

static ssize_t wait_left_ms_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lld\n", vtpm_queue_left(&view_of(dev)->device->queue));
}
static DEVICE_ATTR(wait_left_ms, 0440, wait_left_ms_show, NULL);

/* A counter is a member of struct vtpm_info: what VTPM_IOC_INFO says, and no other. */
struct counter {
	struct device_attribute attr;
	u16 offset;
	u16 size;
};

static ssize_t counter_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	const struct counter *counter = container_of(attr, struct counter, attr);
	struct vtpm_info info;
	const void *value = (const u8 *)&info + counter->offset;

	vtpm_device_info(view_of(dev)->device, &info);
	if (counter->size == sizeof(u32))
		return sysfs_emit(buf, "%u\n", *(const u32 *)value);
	return sysfs_emit(buf, "%llu\n", *(const u64 *)value);
}

#define COUNTER(member)								\
	static struct counter counter_##member = {				\
		.attr = __ATTR(member, 0440, counter_show, NULL),		\
		.offset = offsetof(struct vtpm_info, member),			\
		.size = sizeof_field(struct vtpm_info, member),			\
	}

COUNTER(clients);
COUNTER(queued);
COUNTER(commands);
COUNTER(redelivered);
COUNTER(poisoned);
COUNTER(lost);
COUNTER(cancelled);
COUNTER(refused);
COUNTER(deaths);

static struct attribute *view_attrs[] = {
	&dev_attr_name.attr,
	&dev_attr_uuid.attr,
	&dev_attr_state.attr,
	&dev_attr_front_end.attr,
	NULL,
};
ATTRIBUTE_GROUPS(view);

/* Who may not read the node does not read what is done with it. */
static umode_t mode_of(struct kobject *kobj, struct attribute *attr, int n)
{
	const struct vtpm_device *device = view_of(kobj_to_dev(kobj))->device;

	return device->mode & 0040 ? attr->mode : attr->mode & ~0040;
}

static struct attribute *raw_attrs[] = {
	&dev_attr_cancel.attr,
	&dev_attr_opener.attr,
	&dev_attr_wait_left_ms.attr,
	NULL,
};

static const struct attribute_group raw_group = {
	.attrs = raw_attrs,
	.is_visible = mode_of,
};

static struct attribute *chip_attrs[] = {
	&dev_attr_wait_left_ms.attr,
	NULL,
};

static const struct attribute_group chip_group = {
	.attrs = chip_attrs,
	.is_visible = mode_of,
};

static struct attribute *counter_attrs[] = {
	&counter_clients.attr.attr,
	&counter_queued.attr.attr,
	&counter_commands.attr.attr,
	&counter_redelivered.attr.attr,
	&counter_poisoned.attr.attr,
	&counter_lost.attr.attr,
	&counter_cancelled.attr.attr,
	&counter_refused.attr.attr,
	&counter_deaths.attr.attr,
	NULL,
};

static const struct attribute_group counter_group = {
	.name = "counters",
	.attrs = counter_attrs,
	.is_visible = mode_of,
};

/* Of a folder, nothing but the folder. */
static struct attribute *no_attrs[] = { NULL };

static const struct attribute_group no_group = {
	.attrs = no_attrs,
};

static const struct attribute_group *raw_groups[] = { &raw_group, &counter_group, NULL };
static const struct attribute_group *chip_groups[] = { &chip_group, &counter_group, NULL };

static void view_release(struct device *dev)
{
	vtpm_device_put(view_of(dev)->device);
}

static const struct device_type view_type = {
	.name = "vtpm",
	.groups = view_groups,
	.devnode = view_devnode,
	.uevent = view_uevent,
	.release = view_release,
};

static struct class view_class = {
	.name = "vtpm",
};

/**
 * vtpm_view_init() - prepare a view, to be added to the driver model by the caller
 * @view: to fill; from now on to be put by put_device(), success or not
 * @device: what it shows, of which it takes a reference
 * @kind: &enum vtpm_node
 * @devt: number of the node, 0 for a chip
 *
 * Return: 0 or -ENOMEM.
 */
int vtpm_view_init(struct vtpm_view *view, struct vtpm_device *device, u8 kind, dev_t devt)
{
	struct device *dev = &view->dev;

	view->kind = kind;
	view->device = vtpm_device_ref(device);
	device_initialize(dev);
	/* No folder "power": there is nothing to switch off. */
	device_set_pm_not_required(dev);
	dev->class = &view_class;
	dev->type = &view_type;
	dev->devt = devt;
	switch (kind) {
	case VTPM_NODE_RAW:
		dev->groups = raw_groups;
		return dev_set_name(dev, "vtpm%d", device->index);
	case VTPM_NODE_RM:
		return dev_set_name(dev, "vtpmrm%d", device->index);
	}
	dev->groups = chip_groups;
	return dev_set_name(dev, "chip%llu", device->serial);
}

/**
 * vtpm_view_own() - give what is the raw node's to the owner of the node
 * @view: added to the driver model
 *
 * Not the folder nor the files of the driver core, as the class's get_ownership would: who
 * may write to "uevent" can keep udev busy, who owns the folder can close it to others.
 *
 * Return: 0 or a negative errno.
 */
int vtpm_view_own(struct vtpm_view *view)
{
	const struct vtpm_device *device = view->device;
	struct kobject *kobj = &view->dev.kobj;
	const struct attribute_group **group;
	int rc = 0;

	if (view->kind != VTPM_NODE_RAW)
		return 0;
	for (group = raw_groups; *group && !rc; group++)
		rc = sysfs_group_change_owner(kobj, *group, device->uid, device->gid);
	/* A group without a name took the folder along. */
	return rc ?: sysfs_group_change_owner(kobj, &no_group, GLOBAL_ROOT_UID, GLOBAL_ROOT_GID);
}

/**
 * vtpm_view_changed() - announce that what a view shows has changed
 * @view: in the driver model
 */
void vtpm_view_changed(struct vtpm_view *view)
{
	kobject_uevent(&view->dev.kobj, KOBJ_CHANGE);
}

/**
 * vtpm_view_class_init() - make the class
 *
 * Return: 0 or a negative errno.
 */
int vtpm_view_class_init(void)
{
	return class_register(&view_class);
}

/**
 * vtpm_view_class_exit() - remove the class, which has no members left
 */
void vtpm_view_class_exit(void)
{
	class_unregister(&view_class);
}
