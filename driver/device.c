// SPDX-License-Identifier: GPL-2.0-only
/*
 * One vTPM as the driver knows it: birth, name, references, its server's coming and
 * going, its clients' too, death.
 *
 *	        attach                 detach
 *	NEW ------------> ATTACHED <------------> DETACHED
 *	 |                    |       attach          |
 *	 +--------------------+-----------------------+--> gone (destroy)
 *
 * A device is made by the control node and found by name in the registry (a list
 * under registry_lock). It is gone when it has left the registry; its memory
 * lives until the last reference (open node, server's file, front end) is put. A
 * persistent device holds the module; one of VTPM_PROXY_IOC_NEW_DEV is held, and
 * ended, by its server's file.
 *
 * Locks, outer to inner: registry_lock, device->lock, queue.lock. A
 * command of the TPM core takes queue.lock only, below the core's own locks. It waits for
 * a server, which cannot come or go without device->lock: that one is never held
 * while calling the TPM core.
 */
#define pr_fmt(fmt) "vtpm: " fmt

#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "device.h"
#include "limit.h"

static DEFINE_MUTEX(registry_lock);
static LIST_HEAD(registry);
static u64 last_serial;

/*
 * For registrations: work items that sleep until a server answers. Not freezable: a
 * registration in flight, its server frozen, would refuse the suspend.
 */
struct workqueue_struct *vtpm_workqueue;
/* For time limits, apart, since they are what ends a hung registration. */
struct workqueue_struct *vtpm_expiry_workqueue;

static void expire(struct work_struct *work)
{
	struct vtpm_device *device = container_of(work, struct vtpm_device, expiry.work);

	vtpm_queue_expire(&device->queue);
}

static void arm(struct vtpm_queue *queue, u32 ms)
{
	struct vtpm_device *device = container_of(queue, struct vtpm_device, queue);

	mod_delayed_work(vtpm_expiry_workqueue, &device->expiry, msecs_to_jiffies(ms) + 1);
}

/**
 * vtpm_device_new() - make a device that nobody can find yet
 * @create: checked by the caller
 * @ops: its front end
 * @uid: owner of its nodes, whose account is charged
 * @gid: group of its nodes
 *
 * Return: the device with one reference, or ERR_PTR(-ENOMEM) or ERR_PTR(-EDQUOT).
 */
struct vtpm_device *vtpm_device_new(const struct vtpm_create *create,
				    const struct vtpm_front_end_ops *ops, kuid_t uid, kgid_t gid)
{
	struct vtpm_device *device;
	int rc;

	device = kzalloc(sizeof(*device), GFP_KERNEL_ACCOUNT);
	if (!device)
		return ERR_PTR(-ENOMEM);

	rc = vtpm_charge(&vtpm_devices_of_uid, uid, vtpm_max_devices_per_uid);
	if (rc) {
		kfree(device);
		return ERR_PTR(rc);
	}

	kref_init(&device->ref);
	INIT_LIST_HEAD(&device->node);
	INIT_LIST_HEAD(&device->clients);
	INIT_DELAYED_WORK(&device->expiry, expire);
	mutex_init(&device->lock);
	strscpy(device->name, create->name, sizeof(device->name));
	import_uuid(&device->uuid, create->uuid);
	device->ops = ops;
	device->create_flags = create->flags;
	device->uid = uid;
	device->gid = gid;
	device->mode = create->mode ?: 0600;
	device->index = -1;
	device->state = VTPM_STATE_NEW;

	vtpm_queue_init(&device->queue, create->detached_ms ?: VTPM_DEFAULT_DETACHED_MS,
			create->running_ms ?: VTPM_DEFAULT_RUNNING_MS, arm);
	vtpm_asks_init(&device->asks, &device->queue);
	return device;
}

static void free_device(struct kref *ref)
{
	struct vtpm_device *device = container_of(ref, struct vtpm_device, ref);

	if (device->ops->free)
		device->ops->free(device);
	put_pid(device->server_pid);
	mutex_destroy(&device->lock);
	vtpm_uncharge(&vtpm_devices_of_uid, device->uid);
	kfree(device);
}

/**
 * vtpm_device_ref() - take one more reference
 * @device: to which the caller holds one
 *
 * Return: @device.
 */
struct vtpm_device *vtpm_device_ref(struct vtpm_device *device)
{
	kref_get(&device->ref);
	return device;
}

/**
 * vtpm_device_put() - drop a reference; the last one frees
 * @device: or NULL
 */
void vtpm_device_put(struct vtpm_device *device)
{
	if (device)
		kref_put(&device->ref, free_device);
}

static struct vtpm_device *find(const char *name)
{
	struct vtpm_device *device;

	lockdep_assert_held(&registry_lock);
	list_for_each_entry(device, &registry, node)
		if (!strcmp(device->name, name))
			return device;
	return NULL;
}

static bool is_taken(const struct vtpm_device *candidate)
{
	struct vtpm_device *device;

	lockdep_assert_held(&registry_lock);
	list_for_each_entry(device, &registry, node) {
		if (!strcmp(device->name, candidate->name))
			return true;
		if (!uuid_is_null(&device->uuid) && uuid_equal(&device->uuid, &candidate->uuid))
			return true;
	}
	return false;
}

static void wake_clients(struct vtpm_device *device)
{
	struct vtpm_client *client;

	lockdep_assert_held(&device->lock);
	list_for_each_entry(client, &device->clients, node)
		wake_up_all(&client->wait);
}

/* No new clients nor servers, nothing that waits, and no work item left. */
static void shut(struct vtpm_device *device)
{
	mutex_lock(&device->lock);
	device->gone = true;
	device->state = VTPM_STATE_DETACHED;
	vtpm_queue_kill(&device->queue);
	vtpm_asks_kill(&device->asks);
	wake_clients(device);
	mutex_unlock(&device->lock);

	cancel_delayed_work_sync(&device->expiry);
}

/**
 * vtpm_device_add() - make the front end, then let the device be found
 * @device: from vtpm_device_new(), a proxy's without a name: it is called after its
 *	serial; on success the registry has its own reference
 *
 * Return: 0, -EEXIST when name or UUID is taken, or what the front end says.
 */
int vtpm_device_add(struct vtpm_device *device)
{
	bool persistent = !(device->create_flags & VTPM_INFO_PROXY);
	int rc;

	mutex_lock(&registry_lock);
	/* Here, so that the registry is in order of serials: VTPM_IOC_LIST counts on it. */
	device->serial = device->queue.serial = ++last_serial;
	if (!persistent)
		snprintf(device->name, sizeof(device->name), VTPM_PROXY_PREFIX "%llu",
			 device->serial);

	/* Nodes first: who finds the device by name finds its nodes too. */
	rc = is_taken(device) ? -EEXIST : device->ops->create(device);
	if (!rc) {
		list_add_tail(&vtpm_device_ref(device)->node, &registry);
		if (persistent)
			__module_get(THIS_MODULE);
	}
	mutex_unlock(&registry_lock);

	/* One of two nodes may have been there for a moment, and may be open. */
	if (rc)
		shut(device);
	return rc;
}

/**
 * vtpm_device_get() - find a device by its name
 * @name: NUL-terminated
 *
 * Return: the device with a reference for the caller, or NULL.
 */
struct vtpm_device *vtpm_device_get(const char *name)
{
	struct vtpm_device *device;

	mutex_lock(&registry_lock);
	device = find(name);
	if (device)
		kref_get(&device->ref);
	mutex_unlock(&registry_lock);
	return device;
}

/**
 * vtpm_device_destroy() - end a device
 * @device: to which the caller holds a reference
 *
 * Return: 0, or -ENOENT when somebody else has ended it.
 */
int vtpm_device_destroy(struct vtpm_device *device)
{
	bool persistent = !(device->create_flags & VTPM_INFO_PROXY);
	bool mine;

	mutex_lock(&registry_lock);
	mine = !list_empty(&device->node);
	list_del_init(&device->node);
	mutex_unlock(&registry_lock);
	if (!mine)
		return -ENOENT;

	shut(device);
	device->ops->destroy(device);
	vtpm_device_put(device);
	if (persistent)
		module_put(THIS_MODULE);
	return 0;
}

static void announce_clients(struct vtpm_device *device)
{
	struct vtpm_client *client;

	lockdep_assert_held(&device->lock);
	list_for_each_entry_reverse(client, &device->clients, node)
		vtpm_queue_announce(&device->queue, client->open);
}

/*
 * A TPM that begins a new life knows no client and no request of the last one.
 * Before its first life clients may wait already; they lose nothing.
 */
static void begin_life(struct vtpm_device *device, u64 instance)
{
	lockdep_assert_held(&device->lock);
	device->instance = instance;
	if (device->state == VTPM_STATE_NEW)
		return;
	vtpm_queue_reset(&device->queue);
	vtpm_asks_end(&device->asks, -ECANCELED);
	announce_clients(device);
}

/**
 * vtpm_device_attach() - give the device a server
 * @device: to which the caller holds a reference
 * @server: token, also for vtpm_device_detach()
 * @abandoned: told when nobody waits any more for what the server runs (see &struct
 *	vtpm_queue)
 * @flags: &enum vtpm_attach_flags, checked by the caller
 * @instance: with RESET the new instance, with RESUME the one to resume
 *
 * Return: 0, -EBUSY, -ESTALE or -ENOENT as VTPM_IOC_ATTACH documents.
 */
int vtpm_device_attach(struct vtpm_device *device, const void *server,
		       void (*abandoned)(const void *server), u32 flags, u64 instance)
{
	bool reset = flags & VTPM_ATTACH_RESET;
	int rc = 0;

	mutex_lock(&device->lock);
	if (device->gone)
		rc = -ENOENT;
	else if (device->state == VTPM_STATE_ATTACHED)
		rc = -EBUSY;
	else if (!reset && (!device->instance || device->instance != instance))
		rc = -ESTALE;
	if (rc)
		goto out;

	if (reset)
		begin_life(device, instance);
	vtpm_asks_serve(&device->asks, flags & VTPM_ATTACH_ASKS);
	rc = vtpm_queue_attach(&device->queue, server, abandoned,
			       flags & VTPM_ATTACH_JOURNALS);
	if (rc) {
		/* Only at a reboot is the queue dead and the device not gone. */
		rc = -ENOENT;
		goto out;
	}
	device->state = VTPM_STATE_ATTACHED;
	device->attach_flags = flags;
	put_pid(device->server_pid);
	device->server_pid = get_pid(task_tgid(current));
	if (device->ops->attached)
		device->ops->attached(device, device->queue.life);
	device->ops->changed(device);
out:
	mutex_unlock(&device->lock);
	return rc;
}

/**
 * vtpm_device_detach() - the server is dead, or declared so
 * @device: to which the caller holds a reference
 * @server: token of the server that leaves, NULL for whichever is attached
 *
 * Return: whether a server left.
 */
bool vtpm_device_detach(struct vtpm_device *device, const void *server)
{
	bool left;

	mutex_lock(&device->lock);
	left = vtpm_queue_detach(&device->queue, server);
	if (left) {
		device->state = VTPM_STATE_DETACHED;
		device->attach_flags = 0;
		put_pid(device->server_pid);
		device->server_pid = NULL;
		device->ops->changed(device);
	}
	mutex_unlock(&device->lock);
	return left;
}

/**
 * vtpm_device_tell() - answer what clients asked
 * @device: to which the caller holds a reference
 * @answer: checked by the caller
 * @proof: its bytes
 *
 * Return: 0, or -ESTALE as VTPM_IOC_TELL documents.
 */
int vtpm_device_tell(struct vtpm_device *device, const struct vtpm_tell *answer, const u8 *proof)
{
	struct vtpm_asks *asks = &device->asks;
	int rc;

	mutex_lock(&device->lock);
	if (!device->instance || device->instance != answer->instance)
		rc = -ESTALE;
	else if (answer->id)
		rc = vtpm_asks_tell(asks, answer->id, proof, answer->length, -(int)answer->error);
	else
		rc = vtpm_asks_end(asks, -(int)answer->error) ? 0 : -ESTALE;
	mutex_unlock(&device->lock);
	return rc;
}

/**
 * vtpm_device_join() - a node was opened
 * @device: to which the caller holds a reference
 * @client: filled but for node and id
 *
 * Return: 0, -ENODEV when the device is gone, -ENFILE when it has as many clients as
 * allowed.
 */
int vtpm_device_join(struct vtpm_device *device, struct vtpm_client *client)
{
	int rc = 0;

	mutex_lock(&device->lock);
	if (device->gone) {
		rc = -ENODEV;
	} else if (device->client_count >= VTPM_LIMIT_CLIENTS) {
		rc = -ENFILE;
	} else {
		client->id = ++device->last_client;
		client->open->client = client->id;
		client->close->client = client->id;
		rc = vtpm_queue_submit(&device->queue, client->open, NULL);
		if (rc) {
			rc = -ENODEV;
		} else {
			list_add_tail(&client->node, &device->clients);
			device->client_count++;
		}
	}
	mutex_unlock(&device->lock);
	return rc;
}

/**
 * vtpm_device_leave() - a node was closed
 * @device: that was joined
 * @client: that joined; the caller has abandoned its command, and frees it
 *
 * The server hears CLOSE if it may have heard OPEN.
 */
void vtpm_device_leave(struct vtpm_device *device, struct vtpm_client *client)
{
	mutex_lock(&device->lock);
	list_del(&client->node);
	device->client_count--;
	if (vtpm_queue_cancel(&device->queue, client->open) != 0)
		vtpm_queue_submit(&device->queue, client->close, NULL);
	mutex_unlock(&device->lock);
	vtpm_request_put(client->open);
	vtpm_request_put(client->close);
}

static void info_of_queue(struct vtpm_queue *queue, struct vtpm_info *info)
{
	spin_lock(&queue->lock);
	info->queued = queue->depth;
	info->detached_ms = queue->detached_ms;
	info->running_ms = queue->running_ms;
	info->commands = queue->counts.commands;
	info->redelivered = queue->counts.redelivered;
	info->poisoned = queue->counts.poisoned;
	info->lost = queue->counts.lost;
	info->cancelled = queue->counts.cancelled;
	info->refused = queue->counts.refused;
	info->deaths = queue->counts.deaths;
	spin_unlock(&queue->lock);
}

/**
 * vtpm_device_info() - describe a device to the current process
 * @device: to which the caller holds a reference
 * @info: filled, but for size, flags and name
 */
void vtpm_device_info(struct vtpm_device *device, struct vtpm_info *info)
{
	export_uuid(info->uuid, &device->uuid);
	info->front_end = device->ops->kind;
	info->create_flags = device->create_flags;
	info->index = device->index;
	info->major = MAJOR(device->devt);
	info->minor = MINOR(device->devt);
	info->chip = device->ops->chip ? device->ops->chip(device) : -1;
	info->uid = from_kuid_munged(current_user_ns(), device->uid);
	info->gid = from_kgid_munged(current_user_ns(), device->gid);
	info->mode = device->mode;

	mutex_lock(&device->lock);
	info->state = device->state;
	info->attach_flags = device->attach_flags;
	info->instance = device->instance;
	info->clients = device->client_count;
	info->server_pid = pid_vnr(device->server_pid);
	mutex_unlock(&device->lock);
	info_of_queue(&device->queue, info);
}

/**
 * vtpm_device_list() - name devices in order of their creation
 * @cursor: name those with a larger serial
 * @entries: where to
 * @count: how many there is room for
 *
 * Return: how many were named.
 */
u32 vtpm_device_list(u64 cursor, struct vtpm_list_entry *entries, u32 count)
{
	struct vtpm_device *device;
	u32 n = 0;

	mutex_lock(&registry_lock);
	list_for_each_entry(device, &registry, node) {
		if (n == count)
			break;
		if (device->serial <= cursor)
			continue;
		entries[n].serial = device->serial;
		strscpy_pad(entries[n].name, device->name, sizeof(entries[n].name));
		export_uuid(entries[n].uuid, &device->uuid);
		n++;
	}
	mutex_unlock(&registry_lock);
	return n;
}

/*
 * Servers are stopped or dead by the time the kernel shuts its devices down, and the
 * TPM core sends TPM2_Shutdown to every chip then: nobody shall wait for it.
 */
static int reboot(struct notifier_block *block, unsigned long action, void *data)
{
	struct vtpm_device *device;

	mutex_lock(&registry_lock);
	list_for_each_entry(device, &registry, node) {
		vtpm_queue_kill(&device->queue);
		vtpm_asks_kill(&device->asks);
	}
	mutex_unlock(&registry_lock);
	return NOTIFY_DONE;
}

static struct notifier_block reboot_block = {
	.notifier_call = reboot,
};

/**
 * vtpm_device_init() - prepare for devices
 *
 * Return: 0 or -ENOMEM.
 */
int vtpm_device_init(void)
{
	int rc = -ENOMEM;

	vtpm_workqueue = alloc_workqueue("vtpm", WQ_UNBOUND, WQ_MAX_ACTIVE);
	if (!vtpm_workqueue)
		return rc;
	vtpm_expiry_workqueue = alloc_workqueue("vtpm-expiry", WQ_UNBOUND | WQ_FREEZABLE, 0);
	if (!vtpm_expiry_workqueue)
		goto err_workqueue;
	rc = register_reboot_notifier(&reboot_block);
	if (rc)
		goto err_expiry;
	return 0;

err_expiry:
	destroy_workqueue(vtpm_expiry_workqueue);
err_workqueue:
	destroy_workqueue(vtpm_workqueue);
	return rc;
}

/**
 * vtpm_device_exit() - no devices are left, since each holds the module
 */
void vtpm_device_exit(void)
{
	unregister_reboot_notifier(&reboot_block);
	destroy_workqueue(vtpm_expiry_workqueue);
	destroy_workqueue(vtpm_workqueue);
	vtpm_limit_exit();
}
