// What a gateway and a finance program in Go do with the client that oapi-codegen wrote from the document: prints what it saw as JSON.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"tally.test/document/tally"
)

const model = "cw_meta-llama_Llama-3.3-70B-Instruct"

type object map[string]any

func main() {
	ctx, end := context.WithTimeout(context.Background(), time.Minute)
	defer end()
	gateway, finance := client("GATEWAY_KEY"), client("FINANCE_KEY")
	seen := object{
		"reserved and reported": reserveAndReport(ctx, gateway),
		"released":              reserveAndRelease(ctx, gateway),
		"leased":                lease(ctx, gateway),
		"refused report":        reportNothing(ctx, gateway),
		"denial":                denial(ctx, gateway),
		"wrong key":             wrongKey(ctx),
		"forecasts":             forecasts(ctx, finance),
		"balance":               balance(ctx, finance),
		"pages":                 pages(ctx, finance),
		"focus":                 focus(ctx, finance),
	}
	must(json.NewEncoder(os.Stdout).Encode(seen))
}

func client(keyName string) *tally.ClientWithResponses {
	key := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+os.Getenv(keyName))
		return nil
	}
	made, err := tally.NewClientWithResponses(os.Getenv("TALLY_URL"), tally.WithRequestEditorFn(key))
	must(err)
	return made
}

func order(project string) tally.ReservationOrder {
	made := tally.ReservationOrder{Project: project, InputTokens: ptr(100), MaxOutputTokens: ptr(10)}
	must(made.Model.FromReservationOrderModel0(model))
	return made
}

func reserve(ctx context.Context, gateway *tally.ClientWithResponses) tally.Reservation {
	answer, err := gateway.QuotaReserveWithResponse(ctx, order("entity1/project1"))
	must(err)
	if answer.JSON201 == nil {
		log.Fatalf("no reservation: %s", answer.Body)
	}
	return *answer.JSON201
}

func event(id string, tokens int, reservation *string) tally.UsageEvent {
	usage := object{"prompt_tokens": tokens, "completion_tokens": 10, "total_tokens": tokens + 10}
	made := tally.UsageEvent{
		Specversion: "1.0", Id: id, Source: "/gateways/go", Type: "ai.inference.usage.v1",
		Subject: "entity1/project1", Time: time.Now().UTC(),
	}
	made.Data.Model, made.Data.Usage = model, tally.RawUsage(usage)
	if reservation != nil {
		made.Data.AdditionalProperties = object{"reservation_id": *reservation}
	}
	return made
}

func report(ctx context.Context, gateway *tally.ClientWithResponses, sent tally.UsageEvent) *tally.UsageEventsReportResponse {
	var body tally.UsageEventsReportJSONRequestBody
	must(body.FromUsageEvent(sent))
	answer, err := gateway.UsageEventsReportWithResponse(ctx, body)
	must(err)
	return answer
}

func reserveAndReport(ctx context.Context, gateway *tally.ClientWithResponses) object {
	held := reserve(ctx, gateway)
	receipt := report(ctx, gateway, event("go-1", 100, &held.Id)).JSON202
	return object{
		"project":         held.Project,
		"hold_basis":      held.HoldBasis,
		"project_cap_usd": held.Remaining.ProjectCapUsd,
		"accepted":        receipt.Accepted,
		"rejected":        len(receipt.Rejected),
	}
}

func reserveAndRelease(ctx context.Context, gateway *tally.ClientWithResponses) object {
	held := reserve(ctx, gateway)
	first, err := gateway.QuotaReleaseWithResponse(ctx, held.Id)
	must(err)
	again, err := gateway.QuotaReleaseWithResponse(ctx, held.Id)
	must(err)
	return object{"status": first.StatusCode(), "again": again.StatusCode(), "id": first.JSON200.Id == held.Id}
}

func lease(ctx context.Context, gateway *tally.ClientWithResponses) object {
	answer, err := gateway.LeasesRenewWithResponse(ctx, tally.LeaseOrder{
		LeaseId: "lease_GoGoGoGoGoGoGoGoGoGoGo.entity1", Sequence: 1, Project: "entity1/project1",
		OutstandingUsd: "0", FreeUsd: "0", WantedUsd: "0.01", Models: &[]string{model},
	})
	must(err)
	leased := answer.JSON201
	return object{"reason": leased.Reason, "granted_usd": leased.GrantedUsd, "priced": leased.Prices[0].Model}
}

func reportNothing(ctx context.Context, gateway *tally.ClientWithResponses) object {
	answer := report(ctx, gateway, event("go-2", -1, nil))
	return object{
		"status":   answer.StatusCode(),
		"accepted": answer.JSON422.Accepted,
		"code":     answer.JSON422.Rejected[0].Code,
	}
}

func denial(ctx context.Context, gateway *tally.ClientWithResponses) object {
	answer, err := gateway.QuotaReserveWithResponse(ctx, order("stopped/project1"))
	must(err)
	denied := answer.JSON429.Error
	return object{
		"status":       answer.StatusCode(),
		"code":         denied.Code,
		"type":         denied.Type,
		"param":        denied.Param,
		"limit":        denied.Details.Limit,
		"scope":        denied.Details.Scope,
		"limit_usd":    denied.Details.LimitUsd,
		"should retry": answer.HTTPResponse.Header.Get("x-should-retry"),
	}
}

func wrongKey(ctx context.Context) object {
	answer, err := client("NO_KEY").QuotaReserveWithResponse(ctx, order("entity1/project1"))
	must(err)
	return object{"status": answer.StatusCode(), "code": answer.JSON401.Error.Code}
}

func forecasts(ctx context.Context, finance *tally.ClientWithResponses) object {
	known, err := finance.BalancesForecastWithResponse(ctx, "entity1")
	must(err)
	unknown, err := finance.BalancesForecastWithResponse(ctx, "newcomer")
	must(err)
	return object{
		"reason":         known.JSON200.Reason,
		"capped":         known.JSON200.Capped,
		"has amount":     known.JSON200.ForecastUsd != nil,
		"unknown reason": unknown.JSON200.Reason,
		"unknown amount": unknown.JSON200.ForecastUsd,
		"unknown capped": unknown.JSON200.Capped,
	}
}

func balance(ctx context.Context, finance *tally.ClientWithResponses) object {
	answer, err := finance.BalancesGetWithResponse(ctx, "newcomer")
	must(err)
	read := answer.JSON200
	return object{
		"credits_usd":     read.CreditsUsd,
		"monthly_cap_usd": read.MonthlyCapUsd,
		"yearly_cap_usd":  read.YearlyCapUsd,
		"forecast_usd":    read.ForecastUsd,
		"projects":        len(read.Projects),
	}
}

func pages(ctx context.Context, finance *tally.ClientWithResponses) object {
	sizes, after := []int{}, (*string)(nil)
	for more := true; more; {
		params := &tally.EventsListParams{Limit: ptr(3), After: after}
		answer, err := finance.EventsListWithResponse(ctx, "entity1", params)
		must(err)
		page := answer.JSON200
		sizes, after, more = append(sizes, len(page.Data)), page.LastId, page.HasMore
	}
	return object{"first": sizes[0], "more than one": len(sizes) > 1}
}

func focus(ctx context.Context, finance *tally.ClientWithResponses) object {
	refused, err := finance.ExportsFocusWithResponse(ctx, &tally.ExportsFocusParams{Period: "2026-13"})
	must(err)
	params := &tally.ExportsFocusParams{Period: time.Now().UTC().Format("2006-01"), Entity: ptr("entity1")}
	read, err := finance.ExportsFocusWithResponse(ctx, params)
	must(err)
	return object{
		"refused":  refused.StatusCode(),
		"code":     refused.JSON400.Error.Code,
		"param":    refused.JSON400.Error.Param,
		"status":   read.StatusCode(),
		"is focus": strings.Contains(string(read.Body), "BilledCost"),
	}
}

func ptr[T any](value T) *T { return &value }

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
