// SPDX-License-Identifier: GPL-2.0-only
/*
 * Questions of one device's clients to whoever vouches for it.
 *
 *	        ask               tell, end, time                fetch
 *	none ----------> WAITING ------------------> TOLD -----------------> none
 *	                    |                          |
 *	                    +--------------------------+--> close: dropped
 *
 * A proof takes a quote of the host's TPM, and with it longer than any command should. So a
 * question is two things: a frame in the queue, which the server answers at once, as
 * it answers OPEN; and an entry here, which waits for VTPM_IOC_TELL. The queue knows nothing
 * of proofs, and nothing here knows what they say.
 *
 * The frame of a server that died is delivered again. A question that the server has
 * answered is the manager's, who tells or ends it; if nobody does, its time ends it.
 * Whoever is told finds the room that the client's account has paid for.
 *
 * An open file asks one question at a time, and owns it: asks->lock protects the state, so
 * the answer's way takes no lock that user memory is touched under.
 */
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "ask.h"
#include "compat.h"
#include "limit.h"

/**
 * struct vtpm_asked - one question
 * @node: in asks->waiting while WAITING
 * @asks: of the device
 * @wait: of the file
 * @frame: that takes it to the server
 * @id: of the question
 * @told: there is an answer
 * @error: negative errno in place of a proof, or 0
 * @length: bytes in @proof
 * @patience: ends its wait
 * @proof: as it was told; room for VTPM_PROOF_SIZE bytes
 */
struct vtpm_asked {
	struct list_head node;
	struct vtpm_asks *asks;
	wait_queue_head_t *wait;
	struct vtpm_request *frame;
	u64 id;
	bool told;
	int error;
	u32 length;
	struct delayed_work patience;
	u8 *proof;
};

/**
 * vtpm_asks_init() - nobody has asked
 * @asks: of a device
 * @queue: of the device
 */
void vtpm_asks_init(struct vtpm_asks *asks, struct vtpm_queue *queue)
{
	asks->queue = queue;
	spin_lock_init(&asks->lock);
	INIT_LIST_HEAD(&asks->waiting);
	asks->left = VTPM_LIMIT_ASKS;
	asks->since = ktime_get_ns();
}

/* WAITING to TOLD */
static void tell(struct vtpm_asked *asked, int error)
{
	lockdep_assert_held(&asked->asks->lock);
	list_del_init(&asked->node);
	asked->asks->count--;
	asked->told = true;
	asked->error = error;
	wake_up_poll(asked->wait, EPOLLPRI);
}

static int end_all(struct vtpm_asks *asks, int error)
{
	struct vtpm_asked *asked, *next;
	int ended = 0;

	lockdep_assert_held(&asks->lock);
	list_for_each_entry_safe(asked, next, &asks->waiting, node) {
		tell(asked, error);
		ended++;
	}
	return ended;
}

/**
 * vtpm_asks_end() - end every question that waits
 * @asks: of the device
 * @error: negative errno for the clients
 *
 * Return: how many there were.
 */
int vtpm_asks_end(struct vtpm_asks *asks, int error)
{
	int ended;

	spin_lock(&asks->lock);
	ended = end_all(asks, error);
	spin_unlock(&asks->lock);
	return ended;
}

/**
 * vtpm_asks_serve() - a server is about to attach
 * @asks: of the device
 * @wanted: it wants questions
 */
void vtpm_asks_serve(struct vtpm_asks *asks, bool wanted)
{
	struct vtpm_asked *asked;

	spin_lock(&asks->lock);
	if (asks->error != -EPIPE)
		asks->error = wanted ? 0 : -EOPNOTSUPP;
	/* It shall not see what it does not know. */
	if (asks->error) {
		list_for_each_entry(asked, &asks->waiting, node)
			vtpm_queue_abandon(asks->queue, asked->frame);
		end_all(asks, asks->error);
	}
	spin_unlock(&asks->lock);
}

/**
 * vtpm_asks_kill() - the device is gone: end all questions, now and later
 * @asks: of the device
 */
void vtpm_asks_kill(struct vtpm_asks *asks)
{
	spin_lock(&asks->lock);
	asks->error = -EPIPE;
	end_all(asks, -EPIPE);
	spin_unlock(&asks->lock);
}

/**
 * vtpm_asks_tell() - answer a question
 * @asks: of the device
 * @id: of the question
 * @proof: copied
 * @length: its bytes, VTPM_PROOF_SIZE at most
 * @error: 0, or a negative errno in place of a proof
 *
 * Return: 0, or -ESTALE when nobody waits for it.
 */
int vtpm_asks_tell(struct vtpm_asks *asks, u64 id, const u8 *proof, u32 length, int error)
{
	struct vtpm_asked *asked;
	int rc = -ESTALE;

	spin_lock(&asks->lock);
	list_for_each_entry(asked, &asks->waiting, node) {
		if (asked->id != id)
			continue;
		memcpy(asked->proof, proof, length);
		asked->length = length;
		tell(asked, error);
		rc = 0;
		break;
	}
	spin_unlock(&asks->lock);
	return rc;
}

static void lose_patience(struct work_struct *work)
{
	struct vtpm_asked *asked = container_of(work, struct vtpm_asked, patience.work);

	spin_lock(&asked->asks->lock);
	if (!asked->told)
		tell(asked, -ETIME);
	spin_unlock(&asked->asks->lock);
}

static struct vtpm_asked *asked_new(struct vtpm_asker *asker, const struct vtpm_ask *ask,
				    u64 client, u8 node)
{
	struct vtpm_asked *asked = kzalloc(sizeof(*asked), GFP_KERNEL_ACCOUNT);
	struct vtpm_question *question;

	if (!asked)
		return NULL;
	asked->proof = kvmalloc(VTPM_PROOF_SIZE, GFP_KERNEL_ACCOUNT);
	asked->frame = vtpm_request_alloc(VTPM_FRAME_ASK, sizeof(*question));
	if (!asked->proof || !asked->frame) {
		kvfree(asked->proof);
		vtpm_request_put(asked->frame);
		kfree(asked);
		return NULL;
	}
	asked->frame->client = client;
	asked->frame->origin = node;
	asked->frame->size = sizeof(*question);
	question = (struct vtpm_question *)asked->frame->data;
	question->flags = ask->flags;
	memcpy(question->nonce, ask->nonce, sizeof(question->nonce));
	memcpy(question->digest, ask->digest, sizeof(question->digest));

	INIT_LIST_HEAD(&asked->node);
	INIT_DELAYED_WORK(&asked->patience, lose_patience);
	asked->asks = asker->asks;
	asked->wait = asker->wait;
	return asked;
}

/* Nobody else can find it any more. */
static void asked_free(struct vtpm_asked *asked)
{
	if (!asked)
		return;
	cancel_delayed_work_sync(&asked->patience);
	vtpm_queue_abandon(asked->asks->queue, asked->frame);
	vtpm_request_put(asked->frame);
	kvfree(asked->proof);
	kfree(asked);
}

static bool is_told(const struct vtpm_asked *asked)
{
	lockdep_assert_held(&asked->asks->lock);
	/* The server refused the frame, or the queue dropped it. */
	return asked->told || (vtpm_request_final(asked->frame) && asked->frame->error);
}

/* So many at once, and one more each VTPM_LIMIT_ASK_MS. */
static bool may_ask(struct vtpm_asks *asks)
{
	u64 more = div_u64(ktime_get_ns() - asks->since, VTPM_LIMIT_ASK_MS * NSEC_PER_MSEC);

	lockdep_assert_held(&asks->lock);
	asks->since += more * VTPM_LIMIT_ASK_MS * NSEC_PER_MSEC;
	asks->left = min_t(u64, asks->left + more, VTPM_LIMIT_ASKS);
	if (!asks->left)
		return false;
	asks->left--;
	return true;
}

/* On success the question is the asker's, and @ret_former is to be freed. */
static int place(struct vtpm_asker *asker, struct vtpm_asked *asked,
		 struct vtpm_asked **ret_former)
{
	struct vtpm_asks *asks = asker->asks;
	struct vtpm_asked *former = asker->asked;
	int rc;

	lockdep_assert_held(&asks->lock);
	if (asks->error)
		return asks->error;
	if (former && !is_told(former))
		return -EBUSY;
	if (asks->count >= VTPM_LIMIT_ASKS)
		return -EBUSY;
	if (!may_ask(asks))
		return -EDQUOT;

	asked->id = ++asks->last_id;
	((struct vtpm_question *)asked->frame->data)->id = asked->id;
	rc = vtpm_queue_submit(asks->queue, asked->frame, asked->wait);
	if (rc)
		return rc;
	/* One whose frame was refused is WAITING by its list alone. */
	if (former && !former->told)
		tell(former, former->frame->error);
	list_add_tail(&asked->node, &asks->waiting);
	asks->count++;
	asker->asked = asked;
	*ret_former = former;
	return 0;
}

static int lock_asker(struct vtpm_asker *asker, bool nonblock)
{
	if (nonblock)
		return mutex_trylock(&asker->lock) ? 0 : -EAGAIN;
	return mutex_lock_interruptible(&asker->lock) ? -EINTR : 0;
}

/**
 * vtpm_asker_ask() - VTPM_IOC_ASK
 * @asker: of the open file
 * @ask: flags are known ones
 * @client: id of the open file
 * @node: &enum vtpm_node
 * @nonblock: do not wait for another thread
 *
 * Return: 0 or an errno of &struct vtpm_ask.
 */
int vtpm_asker_ask(struct vtpm_asker *asker, const struct vtpm_ask *ask, u64 client, u8 node,
		   bool nonblock)
{
	struct vtpm_asked *asked, *former = NULL;
	int rc;

	if (!(ask->flags & VTPM_ASK_DIGEST) && memchr_inv(ask->digest, 0, sizeof(ask->digest)))
		return -EINVAL;
	asked = asked_new(asker, ask, client, node);
	if (!asked)
		return -ENOMEM;
	rc = lock_asker(asker, nonblock);
	if (!rc) {
		spin_lock(&asker->asks->lock);
		rc = place(asker, asked, &former);
		spin_unlock(&asker->asks->lock);
		if (!rc)
			queue_delayed_work(system_freezable_wq, &asked->patience,
					   msecs_to_jiffies(READ_ONCE(vtpm_proof_ms)));
		mutex_unlock(&asker->lock);
	}
	asked_free(rc ? asked : former);
	return rc;
}

/* Take the question out: what comes of it is told, or nobody wants it. */
static struct vtpm_asked *take(struct vtpm_asker *asker)
{
	struct vtpm_asked *asked = asker->asked;

	lockdep_assert_held(&asker->asks->lock);
	if (asked && !asked->told)
		tell(asked, asked->frame->error);
	asker->asked = NULL;
	return asked;
}

/* asker->lock is held, and the proof does not change any more. */
static int copy_proof(const struct vtpm_asked *asked, const struct vtpm_proof *proof,
		      struct vtpm_proof __user *user)
{
	if (put_user(asked->length, &user->length))
		return -EFAULT;
	if (proof->length < asked->length)
		return -EMSGSIZE;
	if (copy_to_user(u64_to_user_ptr(proof->proof), asked->proof, asked->length))
		return -EFAULT;
	return 0;
}

static int fetch(struct vtpm_asker *asker, const struct vtpm_proof *proof,
		 struct vtpm_proof __user *user)
{
	struct vtpm_asked *asked, *over = NULL;
	int rc = 0;

	lockdep_assert_held(&asker->lock);
	spin_lock(&asker->asks->lock);
	asked = asker->asked;
	if (!asked) {
		rc = -ENODATA;
	} else if (!is_told(asked)) {
		rc = -EAGAIN;
	} else if (!asked->told || asked->error) {
		over = take(asker);
		rc = over->error;
	}
	spin_unlock(&asker->asks->lock);

	if (!rc) {
		rc = copy_proof(asked, proof, user);
		if (!rc) {
			spin_lock(&asker->asks->lock);
			over = take(asker);
			spin_unlock(&asker->asks->lock);
		}
	}
	asked_free(over);
	return rc;
}

/* There is something to look at, if it is but that there is nothing. */
static bool is_due(struct vtpm_asker *asker)
{
	bool due;

	spin_lock(&asker->asks->lock);
	due = !asker->asked || is_told(asker->asked);
	spin_unlock(&asker->asks->lock);
	return due;
}

/**
 * vtpm_asker_fetch() - VTPM_IOC_PROOF
 * @asker: of the open file
 * @proof: the kernel's copy
 * @user: the caller's; its length is that of the proof then, also after -EMSGSIZE
 * @nonblock: do not wait
 *
 * Return: 0 or an errno of &struct vtpm_proof.
 */
int vtpm_asker_fetch(struct vtpm_asker *asker, const struct vtpm_proof *proof,
		     struct vtpm_proof __user *user, bool nonblock)
{
	int rc;

	if (proof->__reserved)
		return -EINVAL;
	for (;;) {
		rc = lock_asker(asker, nonblock);
		if (rc)
			return rc;
		rc = fetch(asker, proof, user);
		mutex_unlock(&asker->lock);
		if (rc != -EAGAIN || nonblock)
			return rc;
		if (wait_event_state(*asker->wait, is_due(asker), VTPM_INTERRUPTIBLE))
			return -EINTR;
	}
}

/**
 * vtpm_asker_is_told() - would VTPM_IOC_PROOF find an answer?
 * @asker: of the open file
 *
 * Return: whether it would.
 */
bool vtpm_asker_is_told(struct vtpm_asker *asker)
{
	bool told;

	spin_lock(&asker->asks->lock);
	told = asker->asked && is_told(asker->asked);
	spin_unlock(&asker->asks->lock);
	return told;
}

/**
 * vtpm_asker_init() - a file was opened
 * @asker: of the open file
 * @asks: of the device
 * @wait: where it sleeps; must live until vtpm_asker_done()
 */
void vtpm_asker_init(struct vtpm_asker *asker, struct vtpm_asks *asks, wait_queue_head_t *wait)
{
	asker->asks = asks;
	asker->wait = wait;
	mutex_init(&asker->lock);
}

/**
 * vtpm_asker_done() - the file was closed, by its last user
 * @asker: of the open file
 */
void vtpm_asker_done(struct vtpm_asker *asker)
{
	struct vtpm_asked *asked;

	spin_lock(&asker->asks->lock);
	asked = take(asker);
	spin_unlock(&asker->asks->lock);
	asked_free(asked);
	mutex_destroy(&asker->lock);
}
