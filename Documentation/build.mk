# SPDX-License-Identifier: BSD-3-Clause
# make docs
#	build/docs/html/index.html; every warning of kernel-doc and Sphinx is an error
# make man
#	build/docs/man/*.txt, the manual pages as text (needs mandoc)

DOCS := $(B)/docs

# A copy, because the pages made of kernel-doc comments are written beside the others.
docs:
	@rm -rf $(DOCS)/source
	@mkdir -p $(DOCS)
	@cp -r Documentation $(DOCS)/source
	@kernel=$$(selftests/lab/linux-source) && for page in uapi-header driver-api; do \
		PYTHONDONTWRITEBYTECODE=1 Documentation/kernel-doc.py \
			$$kernel/tools/docs/kernel-doc $$page $(DOCS)/source || exit 1; \
	done
	@$(CC) -fsyntax-only -Wall -Wextra -Werror -Iuapi Documentation/server.c
	@sphinx-build -q -W --keep-going -E -d $(DOCS)/doctrees $(DOCS)/source $(DOCS)/html
	@echo "docs: $(DOCS)/html/index.html"

man: $(patsubst Documentation/man/%,$(DOCS)/man/%.txt,$(wildcard Documentation/man/*))

$(DOCS)/man/%.txt: Documentation/man/%
	@mkdir -p $(@D)
	mandoc -T utf8 -W warning $< >$@

.PHONY: docs man
