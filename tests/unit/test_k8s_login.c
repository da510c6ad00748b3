/* SPDX-License-Identifier: ISC */
/* Not yet. */
int
main(void)
{
	return 0;
}
