// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device in sysfs: the class "vtpm", its attributes and uevents.
 *
 * Each node of a device is a member of the class, whether or not it is open. A view holds
 * a reference to the device; what it shows is read when somebody looks.
 */
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/sysfs.h>

#include "compat.h"
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

/* For udev: /dev/vtpm/by-name/ and by-uuid/. */
static int view_uevent(vtpm_const_device *dev, struct kobj_uevent_env *env)
{
	const struct vtpm_view *view = view_of(dev);

	return add_uevent_var(env, "VTPM_NAME=%s", view->device->name) ?:
	       add_uevent_var(env, "VTPM_UUID=%pU", &view->device->uuid) ?:
	       add_uevent_var(env, "VTPM_NODE=%s", view->kind == VTPM_NODE_RAW ? "raw" : "rm");
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
	switch (READ_ONCE(view_of(dev)->device->state)) {
	case VTPM_STATE_NEW:
		return sysfs_emit(buf, "new\n");
	case VTPM_STATE_ATTACHED:
		return sysfs_emit(buf, "attached\n");
	}
	return sysfs_emit(buf, "detached\n");
}
static DEVICE_ATTR_RO(state);

/* For QEMU's cancel-path: whatever is written, the raw node's command is withdrawn. */
static ssize_t cancel_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	vtpm_queue_withdraw(&view_of(dev)->device->queue, VTPM_NODE_RAW);
	return count;
}
static DEVICE_ATTR_WO(cancel);

static struct attribute *view_attrs[] = {
	&dev_attr_name.attr,
	&dev_attr_uuid.attr,
	&dev_attr_state.attr,
	NULL,
};
ATTRIBUTE_GROUPS(view);

/* The raw node's, and its owner's. */
static struct attribute *raw_attrs[] = {
	&dev_attr_cancel.attr,
	NULL,
};
ATTRIBUTE_GROUPS(raw);

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
 * @devt: number of the node
 *
 * Return: 0 or -ENOMEM.
 */
int vtpm_view_init(struct vtpm_view *view, struct vtpm_device *device, u8 kind, dev_t devt)
{
	view->kind = kind;
	view->device = vtpm_device_ref(device);
	device_initialize(&view->dev);
	view->dev.class = &view_class;
	view->dev.type = &view_type;
	view->dev.groups = kind == VTPM_NODE_RAW ? raw_groups : NULL;
	view->dev.devt = devt;
	return dev_set_name(&view->dev, kind == VTPM_NODE_RAW ? "vtpm%d" : "vtpmrm%d",
			    device->index);
}

/**
 * vtpm_view_own() - give what is the raw node's to the owner of the node
 * @view: added to the driver model
 *
 * Not the files of the driver core, as the class's get_ownership would: who may write to
 * "uevent" can keep udev busy.
 *
 * Return: 0 or a negative errno.
 */
int vtpm_view_own(struct vtpm_view *view)
{
	if (view->kind != VTPM_NODE_RAW)
		return 0;
	return sysfs_group_change_owner(&view->dev.kobj, &raw_group, view->device->uid,
					view->device->gid);
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
