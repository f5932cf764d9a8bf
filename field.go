package sojourn

// Field is a name and the type of its value, declared once and used everywhere:
//
//	const cart = sojourn.Field[Cart]("cart")
type Field[T any] string

// Get returns the value; false if there is none, or none that is a T, which is also an event. [Session.Get] tells the two
// apart.
func (f Field[T]) Get(s *Session) (T, bool) {
	s.mu.Lock()
	text := s.text(string(f))
	s.mu.Unlock()
	return f.decode(s, text)
}

// Set sets the value. See [Session.Set].
func (f Field[T]) Set(s *Session, v T) {
	text, err := encodeField(v)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(string(f), text, err)
}

// Remove removes the value.
func (f Field[T]) Remove(s *Session) { s.Remove(string(f)) }

// Take returns the value and removes it: a notice to show once. If a parallel request replaced the value meanwhile, the
// new one stays. Two parallel requests may both take the same value; for what must be spent once, such as a voucher, use
// Update to write who spends it, Commit, and look who it was.
func (f Field[T]) Take(s *Session) (T, bool) {
	s.mu.Lock()
	text := s.text(string(f))
	if text != "" {
		s.put(change{name: string(f), again: taken(text), from: text})
	}
	s.mu.Unlock()
	return f.decode(s, text)
}

// taken is the text that was taken: it goes, another one stays.
type taken string

func (t taken) remake(_ *Session, old string) (encoded, error) {
	if old == string(t) {
		return encoded{}, nil
	}
	return encoded{raw: old}, nil
}

// Update sets the value to change(old), where old is the zero T if there is none, and returns it. When another request
// wins the race, the commit calls change again with the newer value; so change computes and does nothing else, and 200
// parallel increments count 200. Commit first to see the final value.
//
// A stored value that is no T counts as none: change gets the zero T, the value is overwritten, and only [EventBadValue]
// tells. To change the type of a value, take a new name.
func (f Field[T]) Update(s *Session, change func(old T) T) T {
	for {
		s.mu.Lock()
		before := s.text(string(f))
		s.mu.Unlock()
		old, _ := f.decode(s, before)
		next := change(old)
		text, err := encodeField(next)
		if f.keep(s, before, text, err, change) {
			return next
		}
	}
}

// keep collects an update, unless another goroutine of the request was faster.
func (f Field[T]) keep(s *Session, before string, text encoded, err error, again func(old T) T) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		err = checkName(string(f))
	}
	if err != nil {
		s.reject(&valueError{string(f), err})
		return true
	}
	if s.text(string(f)) != before {
		return false
	}
	if !text.is(before) {
		s.put(changed(string(f), text, updater[T](again), before))
	}
	return true
}

func changed(name string, text encoded, again remaker, from string) change {
	return change{name, text, again, from}
}

// updater is the function of an Update. A func is one pointer, so it becomes a remaker without an allocation.
type updater[T any] func(old T) T

func (u updater[T]) remake(s *Session, text string) (encoded, error) {
	old, _ := Field[T]("").decode(s, text)
	return encodeField(u(old))
}

func (f Field[T]) decode(s *Session, text string) (T, bool) {
	if text == "" {
		var none T
		return none, false
	}
	v, err := decodeField[T](text)
	if err != nil {
		s.badValue(string(f), err)
		var none T
		return none, false
	}
	return v, true
}
