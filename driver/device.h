/* SPDX-License-Identifier: GPL-2.0-only */
/* One vTPM as the driver knows it. */
#ifndef _VTPM_DEVICE_H
#define _VTPM_DEVICE_H

#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/uidgid.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>
#include <linux/vtpm_ask.h>

#include "ask.h"
#include "queue.h"

/* Names of devices of VTPM_PROXY_IOC_NEW_DEV begin so, others do not. */
#define VTPM_PROXY_PREFIX "proxy-"

struct vtpm_device;

/**
 * struct vtpm_front_end_ops - how clients reach a device
 * @kind: &enum vtpm_front_end
 * @create: make what clients open; may sleep; called once, before the device
 *	can be found by name
 * @attached: a server has attached; @life is the TPM's; called under device->lock,
 *	must not sleep for long nor call the TPM core
 * @changed: a server has attached or detached: tell udev; called under device->lock, not
 *	after @destroy has begun
 * @destroy: end what clients open; may sleep; called once, after the queue
 *	was killed, without locks
 * @chip: number of the chip in the TPM core, or -1
 * @free: free front_data; called at the last put
 */
struct vtpm_front_end_ops {
	u32 kind;
	int (*create)(struct vtpm_device *device);
	void (*attached)(struct vtpm_device *device, u64 life);
	void (*changed)(struct vtpm_device *device);
	void (*destroy)(struct vtpm_device *device);
	int (*chip)(struct vtpm_device *device);
	void (*free)(struct vtpm_device *device);
};

/**
 * struct vtpm_device - one vTPM
 * @ref: the registry's, each server's, each open node's, each front end's
 * @node: in the registry; empty once the device is gone (registry lock)
 * @serial: never reused
 * @name: unique in the registry
 * @uuid: unique in the registry, nil for a proxy's
 * @ops: front end
 * @front_data: the front end's own
 * @create_flags: &enum vtpm_create_flags, and VTPM_INFO_PROXY
 * @uid: owner of the nodes
 * @gid: group of the nodes
 * @mode: permission bits of the nodes
 * @index: N of /dev/vtpmN, or -1
 * @devt: first of the two device numbers, or 0
 * @queue: its requests
 * @asks: its clients' questions
 * @expiry: calls vtpm_queue_expire()
 * @lock: protects what follows. Never held across a tpm_*() call.
 * @gone: destroyed, no new clients nor servers
 * @state: &enum vtpm_state
 * @attach_flags: of the attached server, or 0
 * @instance: of this life, 0 before the first attach
 * @server_pid: process that attached, or NULL
 * @clients: open files, in order of opening
 * @client_count: length of @clients
 * @last_client: id of the newest client
 */
struct vtpm_device {
	struct kref ref;
	struct list_head node;
	u64 serial;
	char name[VTPM_NAME_SIZE];
	uuid_t uuid;
	const struct vtpm_front_end_ops *ops;
	void *front_data;
	u32 create_flags;
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
	int index;
	dev_t devt;
	struct vtpm_queue queue;
	struct vtpm_asks asks;
	struct delayed_work expiry;

	struct mutex lock;
	bool gone;
	u32 state;
	u32 attach_flags;
	u64 instance;
	struct pid *server_pid;
	struct list_head clients;
	u32 client_count;
	u64 last_client;
};

/**
 * struct vtpm_client - an open file as the device knows it
 * @node: in device->clients (device lock)
 * @id: given by vtpm_device_join()
 * @open: its OPEN request, made by the front end before joining
 * @close: its CLOSE request, made by the front end before joining, so that
 *	leaving cannot fail
 * @wait: woken when the device goes
 */
struct vtpm_client {
	struct list_head node;
	u64 id;
	struct vtpm_request *open;
	struct vtpm_request *close;
	wait_queue_head_t wait;
};

struct vtpm_device *vtpm_device_new(const struct vtpm_create *create,
				    const struct vtpm_front_end_ops *ops, kuid_t uid, kgid_t gid);
int vtpm_device_add(struct vtpm_device *device);
struct vtpm_device *vtpm_device_get(const char *name);
struct vtpm_device *vtpm_device_ref(struct vtpm_device *device);
void vtpm_device_put(struct vtpm_device *device);
int vtpm_device_destroy(struct vtpm_device *device);
void vtpm_device_info(struct vtpm_device *device, struct vtpm_info *info);
u32 vtpm_device_list(u64 cursor, struct vtpm_list_entry *entries, u32 count);

int vtpm_device_attach(struct vtpm_device *device, const void *server,
		       void (*abandoned)(const void *server), u32 flags, u64 instance);
bool vtpm_device_detach(struct vtpm_device *device, const void *server);
int vtpm_device_tell(struct vtpm_device *device, const struct vtpm_tell *answer, const u8 *proof);

int vtpm_device_join(struct vtpm_device *device, struct vtpm_client *client);
void vtpm_device_leave(struct vtpm_device *device, struct vtpm_client *client);

int vtpm_device_init(void);
void vtpm_device_exit(void);

extern struct workqueue_struct *vtpm_workqueue;
extern struct workqueue_struct *vtpm_expiry_workqueue;

#endif /* _VTPM_DEVICE_H */
