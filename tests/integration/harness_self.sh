# shellcheck shell=bash
# The rig itself: that it notices what it is there to notice.

test_nothing() {
	true
}
