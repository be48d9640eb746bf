/* cppcheck.h - what cppcheck must know of sys/queue.h, which it does not read. */
#define LIST_HEAD(name, type)          \
	struct name {                  \
		struct type *lh_first; \
	}
#define LIST_ENTRY(type)                         \
	struct {                                 \
		struct type *le_next, **le_prev; \
	}
#define TAILQ_HEAD(name, type)                      \
	struct name {                               \
		struct type *tqh_first, **tqh_last; \
	}
#define TAILQ_ENTRY(type)                          \
	struct {                                   \
		struct type *tqe_next, **tqe_prev; \
	}
#define SLIST_HEAD(name, type)          \
	struct name {                   \
		struct type *slh_first; \
	}
#define SLIST_HEAD_INITIALIZER(head) \
	{                            \
		0                    \
	}
#define SLIST_ENTRY(type)              \
	struct {                       \
		struct type *sle_next; \
	}
#define STAILQ_HEAD(name, type)                       \
	struct name {                                 \
		struct type *stqh_first, **stqh_last; \
	}
#define STAILQ_ENTRY(type)              \
	struct {                        \
		struct type *stqe_next; \
	}
#define LIST_FOREACH(var, head, field)	for ((var) = (head)->lh_first; (var); (var) = (var)->field.le_next)
#define TAILQ_FOREACH(var, head, field) for ((var) = (head)->tqh_first; (var); (var) = (var)->field.tqe_next)
#define json_object_object_foreach(obj, key, val)      \
	for (char *key = (char *) (obj); key; key = 0) \
		for (struct json_object *val = (obj); val; val = 0)
