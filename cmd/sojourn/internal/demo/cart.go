package demo

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/sojourn-go/sojourn"
)

// Tea is something to put into the cart.
type Tea struct {
	ID, Name, Origin, Taste string
	Cents                   int
}

// Price is for people.
func (t Tea) Price() string { return price(t.Cents) }

func price(cents int) string { return fmt.Sprintf("€%d.%02d", cents/100, cents%100) }

func teas() []Tea {
	return []Tea{
		{"sencha", "Sencha", "Shizuoka, Japan", "Fresh grass, sea air", 890},
		{"oolong", "High Mountain Oolong", "Alishan, Taiwan", "Lilac, cream, a long finish", 1480},
		{"darjeeling", "First Flush", "Darjeeling, India", "Muscat and green almond", 1290},
		{"keemun", "Keemun", "Anhui, China", "Cocoa, plum, a little smoke", 1050},
		{"rooibos", "Rooibos", "Cederberg, South Africa", "Honey and warm wood", 640},
		{"mint", "Nana Mint", "Meknès, Morocco", "Cool, sweet, very green", 520},
	}
}

func findTea(id string) (Tea, bool) {
	all := teas()
	i := slices.IndexFunc(all, func(t Tea) bool { return t.ID == id })
	if i < 0 {
		return Tea{}, false
	}
	return all[i], true
}

// Cart is what a client wants to buy. It is a value: its methods return a changed copy.
type Cart struct {
	Lines []Line `json:"lines"`
}

// Line is some of one tea.
type Line struct {
	Tea   string `json:"tea"`
	Count int    `json:"count"`
}

// cart is declared once: the name and the type of its value.
const cart = sojourn.Field[Cart]("cart")

// maxCount is how many of one tea fit into a cart.
const maxCount = 99

// Set returns a cart with count(old) of a tea, at most maxCount; none removes the line.
func (c Cart) Set(tea string, count func(old int) int) Cart {
	lines := slices.Clone(c.Lines)
	i := slices.IndexFunc(lines, func(l Line) bool { return l.Tea == tea })
	if i < 0 {
		i = len(lines)
		lines = append(lines, Line{Tea: tea})
	}
	lines[i].Count = min(count(lines[i].Count), maxCount)
	if lines[i].Count <= 0 {
		lines = slices.Delete(lines, i, i+1)
	}
	return Cart{lines}
}

// Count returns the number of things in the cart.
func (c Cart) Count() int {
	n := 0
	for _, l := range c.Lines {
		n += l.Count
	}
	return n
}

func (a *App) shopPage(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	a.page(w, r, s, http.StatusOK, "shop", struct {
		Teas    []Tea
		Session *facts
	}{teas(), factsOf(s, a.now())})
}

// cartLine is a line as the page shows it.
type cartLine struct {
	Tea
	Count int
	Sum   string
}

func (a *App) cartPage(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	c, _ := cart.Get(s)
	var data struct {
		Lines []cartLine
		Total string
		Max   int
		Fresh bool // there is no session
	}
	total := 0
	for _, l := range c.Lines {
		tea, ok := findTea(l.Tea)
		if !ok {
			continue // no longer sold
		}
		total += tea.Cents * l.Count
		data.Lines = append(data.Lines, cartLine{tea, l.Count, price(tea.Cents * l.Count)})
	}
	data.Total, data.Max, data.Fresh = price(total), maxCount, s.IsNew()
	a.page(w, r, s, http.StatusOK, "cart", data)
}

// addToCart is safe however many requests add at once: Update runs its function again on what another one left.
func (a *App) addToCart(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	tea, ok := findTea(r.PostFormValue("tea"))
	if !ok {
		a.notFoundPage(w, r, s)
		return
	}
	cart.Update(s, func(c Cart) Cart {
		return c.Set(tea.ID, func(old int) int { return old + 1 })
	})
	notice.Set(s, tea.Name+" is in your cart.")
	http.Redirect(w, r, localPath(r.PostFormValue("next")), http.StatusSeeOther)
}

func (a *App) setInCart(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	tea, ok := findTea(r.PostFormValue("tea"))
	count, err := strconv.Atoi(r.PostFormValue("count"))
	if !ok || err != nil || count < 0 {
		a.notFoundPage(w, r, s)
		return
	}
	cart.Update(s, func(c Cart) Cart {
		return c.Set(tea.ID, func(int) int { return count })
	})
	http.Redirect(w, r, "/cart", http.StatusSeeOther)
}
