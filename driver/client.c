// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files clients hold: an open /dev/vtpmN or /dev/vtpmrmN. It carries one command
 * at a time:
 *
 *	        write             answered             read to the end
 *	EMPTY ---------> PENDING ----------> READY ---------------------> EMPTY
 *	                                       |
 *	                                       +-- a write after a partial read,
 *	                                           or 120 s unread: dropped
 *
 * file->lock protects this state and is never held while waiting; the request
 * itself belongs to the queue while PENDING (queue.c). PENDING turns into READY when
 * somebody looks (settle()), so the answer's way takes no lock of this file.
 *
 * When nobody looks, a work item does: it is asked for with a command, if it is not
 * yet, and asks for itself as long as there is something to drop. So a busy file costs one
 * look in 120 s, an idle one none.
 *
 * On a blocking file write() waits. Until a server has taken the command a signal
 * takes it back (EINTR, nothing ran); afterwards only a fatal signal ends the wait,
 * since a restarted write() would run the command twice.
 */
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/tpm.h>
#include <linux/uaccess.h>

#include "argument.h"
#include "ask.h"
#include "client.h"
#include "command.h"
#include "compat.h"
#include "identity.h"
#include "limit.h"

enum client_state { CLIENT_EMPTY, CLIENT_PENDING, CLIENT_READY };

/**
 * struct client_file - an open /dev/vtpmN or /dev/vtpmrmN
 * @client: what the device knows of it; its wait queue is where all waiting happens
 * @node: that was opened, holds a reference
 * @opener: whose account is charged
 * @lock: protects what follows
 * @state: see above
 * @writing: a write() waits for its answer
 * @swap: held while @request is replaced, or looked at without @lock
 * @request: filled while EMPTY, the queue's while PENDING, the response while READY
 * @pos: bytes of the response read already
 * @locality: of commands to come
 * @tidy: drops what nobody reads
 * @asker: its question to whoever vouches for the device; has a lock of its own
 */
struct client_file {
	struct vtpm_client client;
	struct vtpm_client_node *node;
	kuid_t opener;

	struct mutex lock;
	enum client_state state;
	bool writing;
	spinlock_t swap;
	struct vtpm_request *request;
	u32 pos;
	u8 locality;
	struct delayed_work tidy;
	struct vtpm_asker asker;
};

/* The ABI, frozen: 64 and 32 bit alike. */
static_assert(sizeof(struct vtpm_locality) == 16);
static_assert(offsetof(struct vtpm_locality, locality) == 8);
static_assert(sizeof(struct vtpm_ask) == 72);
static_assert(offsetof(struct vtpm_ask, digest) == 40);
static_assert(sizeof(struct vtpm_proof) == 24);
static_assert(offsetof(struct vtpm_proof, length) == 16);

/*
 * The next command can be written: whoever waits for that, or for the response that
 * will not come any more, has to look.
 */
static void become_empty(struct client_file *file)
{
	lockdep_assert_held(&file->lock);
	WRITE_ONCE(file->state, CLIENT_EMPTY);
	wake_up_poll(&file->client.wait, EPOLLOUT | EPOLLWRNORM);
}

static u64 unread_ns(void)
{
	return READ_ONCE(vtpm_unread_ms) * (u64)NSEC_PER_MSEC;
}

/*
 * Move on what others have moved: PENDING that is answered, READY that is stale. Not
 * while its writer has yet to look: it may have been frozen, and would miss the errno.
 */
static void settle(struct client_file *file)
{
	lockdep_assert_held(&file->lock);
	if (file->state == CLIENT_PENDING && vtpm_request_final(file->request)) {
		file->pos = 0;
		WRITE_ONCE(file->state, CLIENT_READY);
		/* No answer is EINTR: its writer gave it up, knows that, and tells it. */
		if (file->request->error == -EINTR)
			become_empty(file);
	}
	if (file->state == CLIENT_READY && !READ_ONCE(file->writing) &&
	    ktime_get_ns() - file->request->since >= unread_ns()) {
		memzero_explicit(file->request->data, file->request->size);
		become_empty(file);
	}
}

static void tidy_in(struct client_file *file, u64 ns)
{
	queue_delayed_work(vtpm_expiry_workqueue, &file->tidy, nsecs_to_jiffies(ns) + 1);
}

/* Never waits for the lock: who holds it may be stopped by a page fault. */
static void tidy(struct work_struct *work)
{
	struct client_file *file = container_of(work, struct client_file, tidy.work);
	u64 age;

	if (!mutex_trylock(&file->lock)) {
		tidy_in(file, NSEC_PER_SEC);
		return;
	}
	settle(file);
	if (file->state == CLIENT_PENDING) {
		tidy_in(file, unread_ns());
	} else if (file->state == CLIENT_READY) {
		age = ktime_get_ns() - file->request->since;
		tidy_in(file, age < unread_ns() ? unread_ns() - age : NSEC_PER_SEC);
	}
	mutex_unlock(&file->lock);
}

/* READY with an errno: told once, by whoever comes first. */
static int take_error(struct client_file *file)
{
	lockdep_assert_held(&file->lock);
	if (file->state != CLIENT_READY || !file->request->error)
		return 0;
	become_empty(file);
	return file->request->error;
}

/*
 * A non-blocking call never waits for another one's page faults. For the work item it
 * does: that has the lock for a moment only, and no other thread is to blame.
 */
static int lock_file(struct file *filp, struct client_file *file)
{
	if (!(filp->f_flags & O_NONBLOCK))
		return mutex_lock_interruptible(&file->lock) ? -EINTR : 0;
	if (mutex_trylock(&file->lock))
		return 0;
	flush_work(&file->tidy.work);
	return mutex_trylock(&file->lock) ? 0 : -EAGAIN;
}

/* An abandoned request stays with the queue: take another one. */
static int own_request(struct client_file *file)
{
	struct vtpm_request *request;

	lockdep_assert_held(&file->lock);
	if (file->request && vtpm_request_mine(file->request))
		return 0;
	request = vtpm_request_alloc(VTPM_FRAME_COMMAND, VTPM_COMMAND_SIZE);
	if (!request)
		return -ENOMEM;
	request->client = file->client.id;
	request->origin = file->node->view.kind;

	spin_lock(&file->swap);
	swap(file->request, request);
	spin_unlock(&file->swap);
	vtpm_request_put(request);
	return 0;
}

/* Look without file->lock: would settle() find something to tell? */
static bool is_pending(struct client_file *file)
{
	bool pending;

	spin_lock(&file->swap);
	/* Pairs with submit(): PENDING comes after the request's reuse. */
	pending = smp_load_acquire(&file->state) == CLIENT_PENDING &&
		  !vtpm_request_final(file->request);
	spin_unlock(&file->swap);
	return pending;
}

static u32 bound_of(const struct vtpm_device *device, u32 code)
{
	bool makes_key = code == VTPM_CC_CREATE || code == VTPM_CC_CREATE_PRIMARY ||
			 code == VTPM_CC_CREATE_LOADED;

	return max_t(u32, device->queue.running_ms, makes_key ? VTPM_CREATE_MS : 0);
}

/* The TPM core's checks in the TPM core's order, on the bytes that will be run. */
static int check_command(const u8 *command, size_t size, u32 *ret_size)
{
	const struct tpm_header *header = (const struct tpm_header *)command;
	u32 length;

	if (size < offsetofend(struct tpm_header, length))
		return -EINVAL;
	length = be32_to_cpu(header->length);
	if (size < length)
		return -EINVAL;
	if (!length)
		return -ENODATA;
	if (length < sizeof(*header))
		return -EINVAL;
	if (vtpm_command_code(command) == VTPM_CC_SET_LOCALITY)
		return -EPERM;
	*ret_size = length;
	return 0;
}

/* Fill and submit the request; on success the file is PENDING. */
static int submit(struct client_file *file, const char __user *buf, size_t size)
{
	struct vtpm_request *request;
	int rc;

	lockdep_assert_held(&file->lock);
	settle(file);
	if (file->writing || file->state == CLIENT_PENDING ||
	    (file->state == CLIENT_READY && !file->pos))
		return -EBUSY;
	rc = own_request(file);
	if (rc)
		return rc;
	request = file->request;
	if (file->state == CLIENT_READY)
		become_empty(file);
	if (copy_from_user(request->data, buf, size))
		return -EFAULT;
	rc = check_command(request->data, size, &request->size);
	if (rc)
		return rc;
	request->locality = file->locality;
	request->bound_ms = bound_of(file->node->view.device, vtpm_command_code(request->data));

	/* First PENDING: who is woken by the answer must not find the file EMPTY still. */
	vtpm_request_reuse(request);
	/* Pairs with is_pending(). */
	smp_store_release(&file->state, CLIENT_PENDING);
	rc = vtpm_queue_submit(&file->node->view.device->queue, request, &file->client.wait);
	if (rc)
		become_empty(file);
	else
		tidy_in(file, unread_ns());
	return rc;
}

/* Wait for the answer of a blocking write; -EINTR when it is not wanted any more. */
static int wait_answer(struct client_file *file)
{
	struct vtpm_queue *queue = &file->node->view.device->queue;
	struct vtpm_request *request = file->request;
	wait_queue_head_t *wait = &file->client.wait;

	if (!wait_event_state(*wait, vtpm_request_final(request), VTPM_INTERRUPTIBLE))
		return 0;
	if (!vtpm_queue_cancel(queue, request))
		return -EINTR;
	if (!wait_event_state(*wait, vtpm_request_final(request), VTPM_KILLABLE))
		return 0;
	vtpm_queue_abandon(queue, request);
	return -EINTR;
}

static ssize_t client_write(struct file *filp, const char __user *buf, size_t size, loff_t *pos)
{
	struct client_file *file = filp->private_data;
	bool nonblock = filp->f_flags & O_NONBLOCK;
	int rc;

	if (size > VTPM_COMMAND_SIZE)
		return -E2BIG;
	rc = lock_file(filp, file);
	if (rc)
		return rc;
	rc = submit(file, buf, size);
	if (!rc && !nonblock)
		WRITE_ONCE(file->writing, true);
	mutex_unlock(&file->lock);
	if (rc || nonblock)
		return rc ?: size;

	rc = wait_answer(file);

	/* Who holds the lock may be stopped by a page fault, for as long as it likes. */
	if (mutex_lock_killable(&file->lock)) {
		WRITE_ONCE(file->writing, false);
		wake_up_poll(&file->client.wait, EPOLLOUT | EPOLLWRNORM);
		return -EINTR;
	}
	if (!rc) {
		settle(file);
		rc = take_error(file);
	}
	WRITE_ONCE(file->writing, false);
	/* Another thread may have read the response, and could not write until now. */
	if (rc || file->state == CLIENT_EMPTY)
		become_empty(file);
	mutex_unlock(&file->lock);
	return rc ?: size;
}

static ssize_t take_response(struct client_file *file, char __user *buf, size_t size)
{
	struct vtpm_request *request = file->request;
	u8 *from = request->data + file->pos;

	lockdep_assert_held(&file->lock);
	size = min_t(size_t, size, request->size - file->pos);
	if (copy_to_user(buf, from, size))
		return -EFAULT;
	memzero_explicit(from, size);
	file->pos += size;
	if (file->pos == request->size)
		become_empty(file);
	return size;
}

static ssize_t client_read(struct file *filp, char __user *buf, size_t size, loff_t *pos)
{
	struct client_file *file = filp->private_data;
	ssize_t rc;

	for (;;) {
		rc = lock_file(filp, file);
		if (rc)
			return rc;
		settle(file);
		rc = take_error(file);
		if (!rc && file->state == CLIENT_READY)
			rc = take_response(file, buf, size);
		else if (!rc && file->state == CLIENT_PENDING)
			rc = -EAGAIN;
		mutex_unlock(&file->lock);

		if (rc != -EAGAIN || filp->f_flags & O_NONBLOCK)
			return rc;
		/* A write of this file waits in another thread: its answer will do. */
		if (wait_event_state(file->client.wait, !is_pending(file), VTPM_INTERRUPTIBLE))
			return -EINTR;
	}
}

static __poll_t client_poll(struct file *filp, poll_table *wait)
{
	struct client_file *file = filp->private_data;
	__poll_t mask = 0;

	poll_wait(filp, &file->client.wait, wait);
	if (READ_ONCE(file->state) == CLIENT_EMPTY)
		mask |= READ_ONCE(file->writing) ? 0 : EPOLLOUT | EPOLLWRNORM;
	else if (!is_pending(file))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (vtpm_asker_is_told(&file->asker))
		mask |= EPOLLPRI;
	if (READ_ONCE(file->node->view.device->queue.dead))
		mask |= EPOLLHUP | EPOLLERR;
	return mask;
}

static int set_locality(struct file *filp, void *arg, void __user *user)
{
	struct client_file *file = filp->private_data;
	const struct vtpm_locality *wish = arg;
	int rc;

	if (wish->locality > VTPM_LIMIT_LOCALITY || wish->__reserved)
		return -EINVAL;
	rc = lock_file(filp, file);
	if (rc)
		return rc;
	settle(file);
	if (file->writing || file->state == CLIENT_PENDING)
		rc = -EBUSY;
	else
		file->locality = wish->locality;
	mutex_unlock(&file->lock);
	return rc;
}

static int ask(struct file *filp, void *arg, void __user *user)
{
	struct client_file *file = filp->private_data;

	return vtpm_asker_ask(&file->asker, arg, file->client.id, file->node->view.kind,
			      filp->f_flags & O_NONBLOCK);
}

static int fetch_proof(struct file *filp, void *arg, void __user *user)
{
	struct client_file *file = filp->private_data;

	return vtpm_asker_fetch(&file->asker, arg, user, filp->f_flags & O_NONBLOCK);
}

/* Every argument, as it lies in the kernel's copy. */
union client_arg {
	struct vtpm_locality locality;
	struct vtpm_ask ask;
	struct vtpm_proof proof;
};

/* min is the size of the first version of a structure; it never changes. */
static const struct {
	unsigned int cmd;
	u32 min;
	u32 known;
	u32 flags;
	bool privileged;
	int (*fn)(struct file *filp, void *arg, void __user *user);
} calls[] = {
	{ VTPM_IOC_LOCALITY, 16, sizeof(struct vtpm_locality), 0, true, set_locality },
	{ VTPM_IOC_ASK, 72, sizeof(struct vtpm_ask), VTPM_ASK_DIGEST, false, ask },
	{ VTPM_IOC_PROOF, 24, sizeof(struct vtpm_proof), 0, false, fetch_proof },
};

static long client_ioctl(struct file *filp, unsigned int cmd, unsigned long user)
{
	union client_arg arg;
	unsigned int i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].cmd == cmd)
			break;
	if (i == ARRAY_SIZE(calls))
		return -ENOTTY;
	if (calls[i].privileged && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	rc = vtpm_argument_get(&arg, calls[i].known, calls[i].min, calls[i].flags,
			       (void __user *)user);
	return rc < 0 ? rc : calls[i].fn(filp, &arg, (void __user *)user);
}

static u32 describe(const struct vtpm_request *open, u8 *payload)
{
	vtpm_identity_show((const struct vtpm_identity *)open->data, (struct vtpm_opener *)payload);
	return sizeof(struct vtpm_opener);
}

static void release(struct vtpm_request *open)
{
	vtpm_identity_done((struct vtpm_identity *)open->data);
}

/* OPEN says who, and may outlive the file. CLOSE is made now: closing needs no memory. */
static int make_announcements(struct vtpm_client *client, u8 node, const struct file *filp)
{
	client->open = vtpm_request_alloc(VTPM_FRAME_OPEN, sizeof(struct vtpm_identity));
	client->close = vtpm_request_alloc(VTPM_FRAME_CLOSE, 0);
	if (!client->open || !client->close)
		return -ENOMEM;
	vtpm_identity_init((struct vtpm_identity *)client->open->data, filp);
	client->open->describe = describe;
	client->open->release = release;
	client->open->origin = node;
	client->close->origin = node;
	return 0;
}

static struct client_file *file_new(struct vtpm_client_node *node, const struct file *filp)
{
	struct client_file *file;

	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return NULL;
	if (make_announcements(&file->client, node->view.kind, filp)) {
		vtpm_request_put(file->client.open);
		vtpm_request_put(file->client.close);
		kfree(file);
		return NULL;
	}
	init_waitqueue_head(&file->client.wait);
	mutex_init(&file->lock);
	spin_lock_init(&file->swap);
	INIT_DELAYED_WORK(&file->tidy, tidy);
	vtpm_asker_init(&file->asker, &node->view.device->asks, &file->client.wait);
	file->state = CLIENT_EMPTY;
	file->node = node;
	file->opener = filp->f_cred->euid;
	return file;
}

static int client_open(struct inode *inode, struct file *filp)
{
	struct vtpm_client_node *node = container_of(inode->i_cdev, struct vtpm_client_node, cdev);
	bool raw = node->view.kind == VTPM_NODE_RAW;
	kuid_t opener = filp->f_cred->euid;
	struct client_file *file;
	int rc;

	if (raw && test_and_set_bit(0, &node->open))
		return -EBUSY;
	rc = vtpm_charge(&vtpm_opens_of_uid, opener, vtpm_max_opens_per_uid);
	if (rc)
		goto err_open;
	file = file_new(node, filp);
	if (!file) {
		rc = -ENOMEM;
		goto err_charge;
	}
	rc = vtpm_device_join(node->view.device, &file->client);
	if (rc)
		goto err_file;
	get_device(&node->view.dev);
	filp->private_data = file;
	return stream_open(inode, filp);

err_file:
	vtpm_request_put(file->client.open);
	vtpm_request_put(file->client.close);
	kfree(file);
err_charge:
	vtpm_uncharge(&vtpm_opens_of_uid, opener);
err_open:
	if (raw)
		clear_bit(0, &node->open);
	return rc;
}

static int client_release(struct inode *inode, struct file *filp)
{
	struct client_file *file = filp->private_data;
	struct vtpm_client_node *node = file->node;

	cancel_delayed_work_sync(&file->tidy);
	vtpm_asker_done(&file->asker);
	if (file->request)
		vtpm_queue_abandon(&node->view.device->queue, file->request);
	vtpm_device_leave(node->view.device, &file->client);
	vtpm_request_put(file->request);
	vtpm_uncharge(&vtpm_opens_of_uid, file->opener);
	mutex_destroy(&file->lock);
	kfree(file);
	if (node->view.kind == VTPM_NODE_RAW)
		clear_bit(0, &node->open);
	put_device(&node->view.dev);
	return 0;
}

const struct file_operations vtpm_client_fops = {
	.owner = THIS_MODULE,
	.open = client_open,
	.read = client_read,
	.write = client_write,
	.poll = client_poll,
	.unlocked_ioctl = client_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = client_release,
};
