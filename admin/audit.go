package admin

import (
	"context"

	"tallygate/licensing"
)

// Audit shows its entries and can check its own chain.
type Audit interface {
	AuditEntries(context.Context, licensing.AuditFilter, func(licensing.AuditEntry) error) error
	VerifyAudit(context.Context) (licensing.AuditReport, error)
}

func verifyAudit(book Audit) endpoint {
	return answer(func(ctx context.Context, _ request[none]) (licensing.AuditReport, error) {
		return book.VerifyAudit(ctx)
	})
}

// VerifyAudit checks the whole audit log; a broken chain is a report, not an error.
func (c *Client) VerifyAudit(ctx context.Context) (licensing.AuditReport, error) {
	return get[licensing.AuditReport](ctx, c, path("audit", "verification"))
}
