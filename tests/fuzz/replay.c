/* replay.c - feeds each file of a fuzz target's corpus to the target, without libFuzzer: `fuzz_noun
 * FILE|FOLDER…`. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rbe");
	struct stat st;

	if (!file || fstat(fileno(file), &st) < 0) {
		perror(path);
		return -1;
	}
	/* Exactly as large as the input, so that a sanitizer sees the first byte read beyond it. */
	uint8_t *data = malloc(st.st_size > 0 ? (size_t) st.st_size : 1);
	size_t size = data ? fread(data, 1, (size_t) st.st_size, file) : 0;

	fclose(file);
	if (!data || size != (size_t) st.st_size) {
		fprintf(stderr, "%s: cannot be read\n", path);
		free(data);
		return -1;
	}
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

static int replay_folder(const char *path, unsigned *count)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);
	int result = 0;

	if (n < 0) {
		perror(path);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char name[4096];

		if (entries[i]->d_name[0] != '.') {
			snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
			result |= replay_file(name);
			++*count;
		}
		free(entries[i]);
	}
	free(entries);
	return result;
}

int main(int argc, char **argv)
{
	unsigned count = 0;
	int result = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
			result |= replay_folder(argv[i], &count);
		} else {
			result |= replay_file(argv[i]);
			count++;
		}
	}
	printf("%u inputs\n", count);
	return result ? 1 : 0;
}
